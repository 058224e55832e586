export { format, newDebeziumFormat, type DebeziumOptions } from './debezium-format.ts'
