import Database from 'better-sqlite3'
import { openFollower, openLeader } from 'stemma'

new Database('shop.db').exec('PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)').close()

const leader = await openLeader({ database: 'shop.db', formats: ['./json-lines.ts'] })
leader.database.prepare('INSERT INTO orders (item) VALUES (?)').run('tea')

const follower = await openFollower({ url: leader.url, database: 'copy.db', format: './json-lines.ts' })
leader.database.prepare('INSERT INTO orders (item) VALUES (?)').run('scones')
await leader.waitFor({ level: 'applied' })
console.log(follower.database.prepare('SELECT * FROM orders').all())

await follower.close()
await leader.close()
