import { readFileSync } from 'node:fs'
import { StemmaError } from '@stemma/base'

/**
 * Finds the shared token: in the file that was named, else in the environment. Never among the arguments, where every
 * user of the machine can read it.
 *
 * @throws StemmaError BAD_ARGUMENT when the file can't be read or is empty
 */
export function readToken(file: string | undefined, env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (file === undefined) return env['STEMMA_TOKEN'] || undefined
  const token = readTextFile(file, '--token-file').trim()
  if (token === '') throw new StemmaError('BAD_ARGUMENT', `the token file ${file} is empty`, { file })
  return token
}

/** @throws StemmaError BAD_ARGUMENT when the file can't be read; the message names the option */
export function readTextFile(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new StemmaError('BAD_ARGUMENT', `${option} names ${path}, which can't be read (${why})`, { path, option }, error)
  }
}
