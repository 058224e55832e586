/** Each kind keeps its colour and its dash everywhere; the dash tells them apart without colour. */
const LOOKS: Readonly<Record<string, { readonly colour: string; readonly dash: readonly number[] }>> = {
  wal: { colour: '--wal', dash: [] },
  row: { colour: '--row', dash: [8, 3] },
  mixed: { colour: '--mixed', dash: [3, 3] },
  record: { colour: '--record', dash: [12, 3, 3, 3] },
  raw: { colour: '--raw', dash: [2, 4] },
}

export function lookOf(kind: string): { readonly colour: string; readonly dash: readonly number[] } {
  return LOOKS[kind] ?? { colour: '--other', dash: [6, 2, 2, 2] }
}
