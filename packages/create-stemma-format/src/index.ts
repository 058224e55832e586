export { formatNameOf, writeFormat, type NewFormat } from './write-format.ts'
