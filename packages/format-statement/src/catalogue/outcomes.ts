import type { Outcome, Outcomes, Policy, Scene } from './scene.ts'

const POLICIES: readonly Policy[] = ['raw', 'mixed', 'record', 'reject']

/** What becomes of a copy that differs as the scene says, under each policy. Copies are made by Stemma, but for what comes of `raw`. */
export function outcomesOf(scene: Scene): Outcomes {
  const outcomes = Object.fromEntries(POLICIES.map((policy) => [policy, outcomeOf(scene, policy)])) as Outcomes
  return { ...outcomes, ...scene.unlike }
}

/** How the statements of a scene travel to a copy that does not differ. */
export function travelsAs({ safety }: Scene, policy: Policy): Outcome {
  const isSafe = safety === 'safe' || safety === 'context'
  if (isSafe || policy === 'raw' || (safety === 'record' && policy === 'record')) return 'statements'
  return policy === 'reject' ? 'refused' : 'rows'
}

function outcomeOf(scene: Scene, policy: Policy): Outcome {
  const { differs, naive } = scene
  const travels = travelsAs(scene, policy)
  if (differs === 'version' && travels !== 'refused') return 'no-follower'
  if (policy !== 'raw') return travels
  if (differs === 'machine') return 'not-shown'
  return naive === 'fails' ? 'stops' : 'differs'
}
