import { useEffect, useState } from 'preact/hooks'

const THEMES = ['auto', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

/** Light or dark, and larger for a room. Kept by the browser. */
export function LookButtons() {
  const [theme, setTheme] = useKept<Theme>('theme', 'auto')
  const [size, setSize] = useKept<'desk' | 'room'>('size', 'desk')
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme
    document.documentElement.dataset['size'] = size
  }, [theme, size])
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
  return (
    <div class="look">
      <button
        type="button"
        class="plain"
        aria-pressed={size === 'room'}
        onClick={() => setSize(size === 'room' ? 'desk' : 'room')}
      >
        Projector
      </button>
      <button type="button" class="plain" onClick={() => setTheme(next)} title={`next: ${next}`}>
        Theme: {theme}
      </button>
    </div>
  )
}

function useKept<T extends string>(name: string, first: T): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => (localStorage.getItem(`stemma-${name}`) as T | null) ?? first)
  return [
    value,
    (next) => {
      localStorage.setItem(`stemma-${name}`, next)
      setValue(next)
    },
  ]
}
