import { type Child, startChild } from '../stage/child-calls.ts'
import type { SceneOutcome, SceneWorld } from '../wire.ts'
import type { SceneMethods } from './scene-process.ts'

/** A scene that takes longer is ended with its process, in milliseconds. */
const SCENE_MS = 120_000

/** Plays scenes in a process of their own, which is started with the first of them: one at a time. */
export class ScenePlayer {
  readonly #folder: string
  #child: Child<SceneMethods> | undefined
  #last: Promise<unknown> = Promise.resolve()

  /** @param folder - where scenes have their databases */
  constructor(folder: string) {
    this.#folder = folder
  }

  play(id: number, world: SceneWorld): Promise<SceneOutcome> {
    const playing = this.#last.then(() => this.#play(id, world))
    this.#last = playing.catch(() => {})
    return playing
  }

  async close(): Promise<void> {
    await this.#child?.kill()
  }

  async #play(id: number, world: SceneWorld): Promise<SceneOutcome> {
    const child = (this.#child ??= startChild<SceneMethods>({
      module: new URL('./scene-process.ts', import.meta.url),
      options: { folder: this.#folder },
      onEvent() {},
    }))
    const timer = setTimeout(() => void child.kill(), SCENE_MS)
    try {
      return await child.call('play', { id, world })
    } catch (error) {
      // Whatever state it is in, the next scene begins in a new one.
      this.#child = undefined
      await child.kill()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
}
