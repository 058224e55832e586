import { drawOptions, simulate } from './index.ts'

/** `node src/main.ts [first seed] [count]`; with a count of 1 the whole trace is printed. */
const first = Number(process.argv[2] ?? 1)
const count = Number(process.argv[3] ?? 200)
const counts = new Map<string, number>()
let failed = 0
let steps = 0
let simulatedMs = 0
const begun = performance.now()
for (let seed = first; seed < first + count; seed++) {
  const result = simulate(drawOptions(seed), undefined, count === 1 ? (line) => process.stdout.write(`${line}\n`) : undefined)
  steps += result.steps
  simulatedMs += result.simulatedMs
  for (const [what, times] of result.counts) counts.set(what, (counts.get(what) ?? 0) + times)
  if (result.failure === undefined) continue
  failed++
  process.stdout.write(`seed ${seed}: ${result.failure}\n`)
}
for (const [what, times] of Array.from(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  process.stdout.write(`${String(times).padStart(8)} ${what}\n`)
const seconds = (performance.now() - begun) / 1000
process.stdout.write(
  `${count} seeds, ${failed} failed, ${steps} steps, ${Math.round(simulatedMs / 1000)} simulated seconds in ${seconds.toFixed(1)} s\n`,
)
process.exitCode = failed > 0 ? 1 : 0
