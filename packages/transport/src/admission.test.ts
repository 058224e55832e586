import { expect, test } from 'vitest'
import { Admission, type Guest } from './admission.ts'
import { LISTEN_LIMITS } from './limits.ts'

const limits = { ...LISTEN_LIMITS, connectionsMax: 3, connectionsPerAddress: 2, pendingMax: 2, pendingPerAddress: 1 }

/** Plays a story: `a+` a connection from a, `a=` its greeting is over, `a-` it is gone. Tells what became of each. */
function play(story: string): string {
  const admission = new Admission(limits)
  const inside = new Map<string, Guest[]>()
  const told: string[] = []
  for (const event of story.split(' ')) {
    const who = event.slice(0, -1)
    const guests = inside.get(who) ?? []
    inside.set(who, guests)
    try {
      if (event.endsWith('+')) guests.push(admission.enter(who, () => told.push(`${who} dropped`)))
      if (event.endsWith('=')) guests.at(-1)?.accepted()
      if (event.endsWith('-')) guests.pop()?.left()
    } catch (error) {
      told.push(`${event} ${String((error as { details: { limit: string } }).details.limit)}`)
    }
  }
  return told.join(', ')
}

test.each([
  ['one address has one greeting at a time', 'a+ a+', 'a+ pendingPerAddress'],
  ['and the next when that is over', 'a+ a= a+', ''],
  ['or gone', 'a+ a- a+ a- a+', ''],
  ['an address has its share of links', 'a+ a= a+ a= a+', 'a+ connectionsPerAddress'],
  ['which it gets back', 'a+ a= a+ a= a- a+', ''],
  ['too many greetings drop the oldest, not the newest', 'a+ b+ c+ d+', 'a dropped, b dropped'],
  ['a dropped one that leaves is not counted twice', 'a+ b+ c+ a- d+ e+', 'a dropped, b dropped, c dropped'],
  ['links are never dropped for strangers', 'a+ a= b+ c+ d+', 'b dropped'],
  ['when all links are taken nobody else comes in', 'a+ a= b+ b= c+ c= d+', 'd+ connectionsMax'],
  ['nor by having come in before', 'a+ a= b+ b= c+ d+ c= d=', 'd= connectionsMax'],
  ['leaving twice counts once', 'a+ a= a- a- a+ a= a+ a= a+', 'a+ connectionsPerAddress'],
])('%s', (_title, story, want) => {
  expect(play(story)).toBe(want)
})
