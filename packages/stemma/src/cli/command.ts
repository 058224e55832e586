import { engine } from './real-engine.ts'
import { runCommand } from './program.ts'

// A reader that went away, such as `head`, is no reason to stop.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await runCommand(process.argv.slice(2), {
  engine,
  output: process.stdout,
  errors: process.stderr,
  signals: process,
  env: process.env,
  now: () => performance.now(),
  every(delayMs, call) {
    const timer = setInterval(call, delayMs)
    return () => clearInterval(timer)
  },
})
