import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

interface AskButtonProps {
  readonly act: () => Promise<unknown>
  readonly children: ComponentChildren
  readonly disabled?: boolean
  readonly class?: string
  readonly label?: string
}

/** A button that does something on the stage, is busy until it is done, and says what went wrong. */
export function AskButton({ act, children, disabled = false, class: look = '', label }: AskButtonProps) {
  const [isBusy, setBusy] = useState(false)
  const [trouble, setTrouble] = useState('')
  const click = (): void => {
    setBusy(true)
    setTrouble('')
    act()
      .catch((error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)))
      .finally(() => setBusy(false))
  }
  return (
    <>
      <button type="button" class={look} disabled={disabled || isBusy} aria-busy={isBusy} aria-label={label} onClick={click}>
        {children}
      </button>
      {trouble !== '' && (
        <span role="alert" class="bad">
          {trouble}
        </span>
      )}
    </>
  )
}
