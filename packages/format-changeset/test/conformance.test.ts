import { logFormatSuite } from '@stemma/log-conformance'
import { describe, test } from 'vitest'
import { changesetFormat } from '../src/index.ts'

logFormatSuite({ format: changesetFormat, describe, test })
