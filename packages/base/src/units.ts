declare const unit: unique symbol

/** A page number. Pages count from 1; 0 means "no page". */
export type PageNumber = number & { readonly [unit]?: 'PageNumber' }

/** A distance from the start of a file, in bytes. */
export type ByteOffset = number & { readonly [unit]?: 'ByteOffset' }

/** Milliseconds. A moment is counted from 1970-01-01T00:00:00Z, a duration from nothing. */
export type Milliseconds = number & { readonly [unit]?: 'Milliseconds' }
