export { walFormat } from './wal-format.ts'
