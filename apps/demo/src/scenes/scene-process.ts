import { optionsOfChild, serveCalls } from '../stage/child-calls.ts'
import type { PolicyOutcome, SceneOutcome, SceneWorld } from '../wire.ts'
import { POLICIES } from '../stage/kinds.ts'
import { sceneOf } from './catalogue.ts'
import { playScene } from './play-scene.ts'

// Plays scenes one after another, in a process whose time zone may be changed.

const { folder } = optionsOfChild<{ readonly folder: string }>()

const methods = {
  async play({ id, world }: { readonly id: number; readonly world: SceneWorld }): Promise<SceneOutcome> {
    const policies: PolicyOutcome[] = []
    for (const policy of POLICIES) policies.push(await playScene(sceneOf(id), policy, world, folder))
    return { id, policies }
  },
  close: async (): Promise<void> => {},
}
export type SceneMethods = typeof methods
serveCalls(methods)
