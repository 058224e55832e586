import { parentPort, workerData } from 'node:worker_threads'
import { sqliteCode } from '../sqlite/driver.ts'
import { loadDriver } from '../sqlite/load-driver.ts'
import type { WorkerData, WorkerReply, WorkerRequest } from './checkpointer.ts'
import { openCheckpointConnection, runCheckpoint } from './connection.ts'

const { database, driver } = workerData as WorkerData
const port = parentPort!
const connection = openCheckpointConnection(await loadDriver(driver), database)
port.on('message', (request: WorkerRequest) => {
  if (request === 'close') {
    connection.close()
    port.close()
    return
  }
  port.postMessage(checkpoint(request))
})
port.postMessage({ kind: 'ready' } satisfies WorkerReply)

function checkpoint(mode: Exclude<WorkerRequest, 'close'>): WorkerReply {
  try {
    return { kind: 'result', result: runCheckpoint(connection, mode) }
  } catch (error) {
    // An error loses its SQLite code on the way to another thread.
    return { kind: 'error', message: error instanceof Error ? error.message : String(error), code: sqliteCode(error) }
  }
}
