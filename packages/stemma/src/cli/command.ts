import { engine } from './real-engine.ts'
import { runCommand } from './program.ts'
import { writeOut } from './write-out.ts'

// A reader that went away, such as `head`, is no reason to stop.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

/** Writes that nobody has taken yet. */
let writing = 0

const exitCode = await runCommand(process.argv.slice(2), {
  engine,
  output: process.stdout,
  async writeOut(what) {
    writing++
    try {
      await writeOut(process.stdout.fd, what)
    } finally {
      writing--
    }
  },
  errors: process.stderr,
  signals: process,
  env: process.env,
  now: () => performance.now(),
  every(delayMs, call) {
    const timer = setInterval(call, delayMs)
    return () => clearInterval(timer)
  },
})

process.exitCode = exitCode
// A reader that takes nothing any more would keep the process for ever.
if (writing > 0) process.exit(exitCode)
