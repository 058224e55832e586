import { parentPort, workerData } from 'node:worker_threads'
import { loadDriver } from '../sqlite/load-driver.ts'
import { checkStructure, type StructureReply, type StructureRequest } from './structure-check.ts'

const { path, driver } = workerData as StructureRequest
parentPort!.postMessage({ problem: checkStructure(await loadDriver(driver), path) } satisfies StructureReply)
