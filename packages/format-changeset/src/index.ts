export type { ChangesetChange, ChangesetRow, ChangesetTable } from './changeset.ts'
export { changesetFormat, changesetFormat as format } from './changeset-format.ts'
export { decodeChangeset } from './read-changeset.ts'
