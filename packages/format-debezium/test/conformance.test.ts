import { logFormatSuite } from '@stemma/log-conformance'
import { describe, test } from 'vitest'
import { newDebeziumFormat } from '../src/index.ts'

logFormatSuite({ format: () => newDebeziumFormat({ db: 'app' }), describe, test })
