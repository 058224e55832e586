import Database from 'better-sqlite3'

// Another program, which knows nothing of Stemma: `sql-process.ts PATH SQL`. It waits for nobody.

const [path, sql] = process.argv.slice(2) as [string, string]
const database = new Database(path, { timeout: 0 })
database.exec(sql)
database.close()
