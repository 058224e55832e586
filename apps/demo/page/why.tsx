import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

/** A word or a number with what it means, shown on hover and on focus. */
export function Why({ text, children }: { text: string; children: ComponentChildren }) {
  const id = useId()
  return (
    <span class="why" tabIndex={0} aria-describedby={id}>
      {children}
      <span role="tooltip" id={id}>
        {text}
      </span>
    </span>
  )
}
