import { newScript, showScript, type Script, type ScriptOptions } from './generate/script.ts'
import type { Failure, Judge } from './judge.ts'
import { shrink } from './shrink.ts'

/** A script that failed, as small as it could be made. */
export interface Finding {
  readonly seed: number
  readonly judge: string
  readonly script: Script
  readonly failure: Failure
}

export interface FuzzOptions extends ScriptOptions {
  readonly judges: Readonly<Record<string, Judge>>
}

/** Runs the script of a seed past every judge; gives the first that finds something, with the script made small. */
export async function fuzzOne(seed: number, options: FuzzOptions): Promise<Finding | undefined> {
  const script = newScript(seed, options)
  for (const [name, judge] of Object.entries(options.judges)) {
    const failure = await judge(script)
    if (failure !== undefined) return { seed, judge: name, ...(await shrinkScript(script, failure, judge)) }
  }
  return undefined
}

async function shrinkScript(script: Script, first: Failure, judge: Judge): Promise<{ script: Script; failure: Failure }> {
  let failure = first
  const fails = async (statements: readonly string[]): Promise<boolean> => {
    const found = await judge({ ...script, statements })
    if (found?.kind !== failure.kind) return false
    failure = found
    return true
  }
  const statements = await shrink(script.statements.slice(0, first.step + 1), fails)
  // What goes into one statement together may be separate parts.
  return { script: { ...script, statements }, failure }
}

/** A finding for people: the seed, what is wrong, and a script for the `sqlite3` program. */
export function showFinding({ seed, judge, script, failure }: Finding): string {
  return `seed ${seed}, ${judge}: ${failure.kind}: ${failure.message}\nafter step ${failure.step + 1} of\n\n${showScript(script)}`
}
