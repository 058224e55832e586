import { ZSTD, rowFormat } from '@stemma/format-row'
import { logFormatSuite } from '@stemma/log-conformance'
import { describe, test } from 'vitest'
import { newStatementFormat } from '../src/index.ts'

logFormatSuite({ format: () => newStatementFormat({ policy: 'mixed', rows: rowFormat, compressor: ZSTD }), describe, test })
