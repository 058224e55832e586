import { workerData } from 'node:worker_threads'
import { openLeaderEngine, type WaitRequest } from '../leader/leader-engine.ts'
import type { LeaderEngineOptions } from '../leader/leader-options.ts'
import { serveEngine } from './serve-engine.ts'

serveEngine(async (onEvent) => {
  const engine = await openLeaderEngine(workerData as LeaderEngineOptions, onEvent)
  return {
    opened: engine.url,
    methods: { status: () => engine.status(), waitFor: (request: WaitRequest) => engine.waitFor(request) },
    close: () => engine.close(),
  }
})
