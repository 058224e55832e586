import { describe, test } from 'node:test'
import { logFormatSuite } from '@stemma/log-conformance'
import { jsonLines } from './json-lines.ts'

logFormatSuite({ format: jsonLines, describe, test })
