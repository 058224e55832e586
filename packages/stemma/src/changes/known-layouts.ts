import type { CommitRows, TableLayout } from '@stemma/log'

/**
 * The layouts of tables that a reader of entries has come by, in the order of the entries.
 *
 * A source tells a table's layout when it first mentions the table, and again when the schema has changed: what was told before says nothing
 * any more then, whether or not it is the table that changed. So a layout is never used beyond the schema version that it was told under.
 */
export class KnownLayouts {
  readonly #layouts = new Map<string, TableLayout>()
  #schemaVersion: number | undefined

  /** Takes what a commit tells, and gives the names of the tables that it mentions and nobody has told of. */
  take({ schemaVersion, tables }: CommitRows): string[] {
    if (schemaVersion !== this.#schemaVersion) this.forget()
    this.#schemaVersion = schemaVersion
    const unknown: string[] = []
    for (const { name, layout } of tables) {
      if (layout !== undefined) this.#layouts.set(name, layout)
      else if (!this.#layouts.has(name)) unknown.push(name)
    }
    return unknown
  }

  /** Adds the layout of a table that `take` named. */
  add(name: string, layout: TableLayout): void {
    this.#layouts.set(name, layout)
  }

  of(name: string): TableLayout | undefined {
    return this.#layouts.get(name)
  }

  /** Entries are missing from here on: nothing is known any more. */
  forget(): void {
    this.#layouts.clear()
    this.#schemaVersion = undefined
  }
}
