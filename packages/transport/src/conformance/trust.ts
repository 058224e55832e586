import { deepEqual, equal } from 'node:assert/strict'
import { End } from './end.ts'
import type { Rule } from './rule.ts'
import type { Transport } from './transport.ts'

const TOKEN = 'correct horse battery staple'
const OTHER_TOKEN = 'incorrect horse battery staple'

/** Who gets a link. */
export const trustRules: readonly Rule[] = [
  {
    id: 'TR-18',
    says: 'Ends that know the same token get a link on which each is authenticated to the other.',
    notFor: withoutTokens,
    async check(bench) {
      const { left, right } = await bench.pair({ leftToken: TOKEN, rightToken: Buffer.from(TOKEN) })
      deepEqual([left.up.authenticated, right.up.authenticated], [true, true], 'authenticated')
      left.up.send([Uint8Array.of(1)])
      await bench.until('a message', () => right.messages.length > 0)
    },
  },
  ...(
    [
      ['TR-19', 'An end with another token', OTHER_TOKEN, TOKEN],
      ['TR-20', 'An end without the token', undefined, TOKEN],
      ['TR-21', 'A listener that cannot prove that it knows the token', TOKEN, undefined],
    ] as const
  ).map(([id, who, leftToken, rightToken]): Rule => ({
    id,
    says: `${who} gets no link: AUTHENTICATION_FAILED, and neither end is given one.`,
    notFor: withoutTokens,
    async check(bench) {
      const left = new End()
      const right = new End()
      equal(
        await bench.refusal(left, right, { leftToken, rightToken }),
        'AUTHENTICATION_FAILED',
        'what the end that connects is told',
      )
      await bench.settle()
      deepEqual([left.link, right.link], [undefined, undefined], 'the links of both ends')
    },
  })),
]

function withoutTokens({ takesTokens }: Transport): string | undefined {
  return takesTokens ? undefined : 'its ends are no strangers to each other'
}
