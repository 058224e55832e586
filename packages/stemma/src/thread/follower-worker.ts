import { workerData } from 'node:worker_threads'
import { openFollowerEngine } from '../follower/follower-engine.ts'
import type { FollowerEngineOptions } from '../follower/follower-options.ts'
import { serveEngine } from './serve-engine.ts'

serveEngine(async (onEvent) => {
  const engine = await openFollowerEngine(workerData as FollowerEngineOptions, onEvent)
  return {
    opened: undefined,
    methods: { status: () => engine.status(), caughtUp: () => engine.caughtUp() },
    close: () => engine.close(),
  }
})
