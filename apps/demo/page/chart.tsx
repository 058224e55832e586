import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Series {
  readonly label: string
  /** A custom property of the style sheet that holds the colour. */
  readonly colour: string
  readonly dash: readonly number[]
  readonly values: readonly (number | undefined)[]
}

interface ChartProps {
  readonly title: string
  /** Seconds. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly show: (value: number) => string
}

const HEIGHT = 190

/** Lines over time, one for each follower, drawn anew when the theme or the width changes. */
export function Chart({ title, times, series, show }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | undefined>(undefined)
  const shape = series.map(({ label, colour }) => label + colour).join()
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const draw = (): void => {
      chart.current?.destroy()
      chart.current = newChart(element, series, show)
    }
    draw()
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    const themed = new MutationObserver(draw)
    themed.observe(document.documentElement, { attributes: true })
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', draw)
    return () => {
      resized.disconnect()
      themed.disconnect()
      scheme.removeEventListener('change', draw)
      chart.current?.destroy()
      chart.current = undefined
    }
  }, [shape])
  useEffect(() => {
    chart.current?.setData([[...times], ...series.map(({ values }) => values.map((value) => value ?? null))])
  })
  const last = series.map(({ label, values }) => `${label} ${show(values.findLast((value) => value !== undefined) ?? 0)}`)
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title}; now: ${last.join(', ')}`} />
    </figure>
  )
}

function newChart(element: HTMLElement, series: readonly Series[], show: (value: number) => string): uPlot {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const font = `12px ${style.getPropertyValue('--font')}`
  const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font }
  return new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [
        { ...axis, size: 30, values: (_plot, ticks) => ticks.map((tick) => `${tick} s`) },
        { ...axis, size: 64, values: (_plot, ticks) => ticks.map(show) },
      ],
      series: [
        { label: 'time', value: (_plot, value) => (value === null ? '–' : `${value.toFixed(1)} s`) },
        ...series.map(({ label, colour: name, dash }) => ({
          label,
          stroke: colour(name),
          width: 2,
          dash: [...dash],
          points: { show: false },
          value: (_plot: uPlot, value: number | null) => (value === null ? '–' : show(value)),
        })),
      ],
    },
    [[], ...series.map(() => [])],
    element,
  )
}
