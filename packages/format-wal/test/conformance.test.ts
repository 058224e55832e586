import { logFormatSuite } from '@stemma/log-conformance'
import { describe, test } from 'vitest'
import { walFormat } from '../src/index.ts'

logFormatSuite({ format: walFormat, describe, test })
