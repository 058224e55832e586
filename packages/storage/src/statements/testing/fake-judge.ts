import type { Safety } from '@stemma/log'
import type { OpenJudge } from '../statement-judge.ts'

/** Judges by a word of the statement: all is safe but what says `unsafe_rows` and its like. Whether it writes is asked of EXPLAIN. */
export function fakeJudge(seen: { readonly sql: string; readonly edition: number }[] = []): OpenJudge {
  return (connection) => ({
    judge(sql, edition) {
      seen.push({ sql, edition })
      const safety = (/unsafe_(context|record|rows|reject)/.exec(sql)?.[1] ?? 'safe') as Safety
      const findings = safety === 'safe' ? [] : [{ code: 'LIMIT_WITHOUT_ORDER', safety, start: 0, end: 6 }]
      const isPragma = /^\s*pragma/i.test(sql)
      return { safety, findings, writes: isPragma ? /user_version\s*=/.test(sql) : writesMain(connection, sql) }
    },
    noteRowid: () => {},
    explain: () => ({ why: 'Why.', instead: 'Instead.' }),
    split: splitRoughly,
  })
}

function writesMain(connection: Parameters<OpenJudge>[0], sql: string): boolean {
  try {
    const parameters = sql.match(/[?@:$]\w*/g) ?? []
    const named = parameters.filter((name) => name !== '?').map((name) => [name.slice(1), null] as const)
    const placed = parameters.filter((name) => name === '?').map(() => null)
    const given = named.length === 0 ? placed : [...placed, Object.fromEntries(named)]
    const program = connection
      .prepare(`EXPLAIN ${sql}`)
      .raw()
      .all(...given) as (readonly unknown[])[]
    return program.some(([, opcode, p1, p2]) => opcode === 'Transaction' && Number(p1) === 0 && Number(p2) !== 0)
  } catch {
    return true
  }
}

/** Semicolons in strings, comments and triggers are left alone, by far not as well as SQLite does. */
function splitRoughly(script: string): { sql: string; start: number }[] {
  const parts: { sql: string; start: number }[] = []
  const pattern = /(?:CREATE TRIGGER[^]*?END\b|'[^']*(?:'|$)|--[^\n]*|\/\*[^]*?\*\/|[^;])+/g
  for (const { 0: text, index } of script.matchAll(pattern)) {
    const space = /^(?:\s|--[^\n]*|\/\*[^]*?\*\/)*/.exec(text)?.[0].length ?? 0
    const sql = text.slice(space).trimEnd()
    if (sql !== '') parts.push({ sql, start: index + space })
  }
  return parts
}
