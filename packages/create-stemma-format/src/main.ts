#!/usr/bin/env node
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { writeFormat } from './write-format.ts'

const { positionals } = parseArgs({ allowPositionals: true, options: {} })
const [folder] = positionals
if (folder === undefined || positionals.length > 1) {
  process.stderr.write(
    'Which folder is the format to be in? Its name becomes that of the format:\n\n  npm create stemma-format my-format\n',
  )
  process.exitCode = 2
} else {
  try {
    const made = await writeFormat(folder)
    const path = relative(process.cwd(), made.folder)
    process.stdout.write(`${made.files.map((file) => `${path}/${file}\n`).join('')}\n  cd ${path}\n  npm install\n  npm test\n`)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
