import { openFollower } from 'stemma'
import type { FromFollower, ToFollower } from './follower.ts'

// A follower in a process of its own, which the demo may kill at any moment. Usage: follower-process.ts <url> <copy> <format>

const [url = '', database = '', format = 'wal'] = process.argv.slice(2)

const follower = await openFollower({
  url,
  database,
  format,
  onEvent(event) {
    if (event.kind === 'snapshot-started') tell({ kind: 'snapshot', bytes: event.pageCount * event.pageSize })
    if (event.kind === 'failed') tell({ kind: 'failed', message: event.error.message })
  },
})
tell({ kind: 'open' })

process.on('message', (message: ToFollower) => {
  void answer(message)
})

async function answer(message: ToFollower): Promise<void> {
  const { position, digest } = await follower.status()
  if (message.kind === 'status') return tell({ kind: 'status', sequence: position?.sequence ?? 0, digest: digest ?? '' })
  await follower.close()
  process.disconnect()
}

function tell(message: FromFollower): void {
  process.send?.(message)
}
