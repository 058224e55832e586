import { logFormatSuite } from '@stemma/log-conformance'
import { describe, test } from 'vitest'
import { rowFormat } from '../src/index.ts'

logFormatSuite({ format: rowFormat, describe, test })
