import { short } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { linear } from './scale.ts'

export interface WaterfallStep {
  label: string
  /** What stands beside the label. */
  note?: string
  change: number
}

/** From a base to an answer, a bar for each thing that moved it. */
export function Waterfall({
  title,
  name,
  base,
  answer,
  steps,
  format = (value) => short(value, 3),
}: {
  title: string
  name: string
  base: number
  answer: number
  steps: readonly WaterfallStep[]
  format?: (value: number) => string
}) {
  const rowHeight = 26
  const height = (steps.length + 2) * rowHeight + 8
  const letter = 6.9
  // The smallest first: the answer stands below the last bar, beside what moved it most.
  let at = base
  const bars = [...steps].reverse().map((step) => {
    const from = at
    at += step.change
    return { ...step, from, to: at }
  })
  bars.reverse()
  const texts = bars.map((bar) => (bar.note === undefined ? bar.label : `${bar.label} = ${bar.note}`))
  const longest = Math.max(10, ...texts.map((text) => text.length))
  const largest = steps.slice(0, 3).map((step) => `${step.label} ${step.change >= 0 ? '+' : '−'}${format(Math.abs(step.change))}`)
  const summary = `From ${format(base)} to ${format(answer)}: ${largest.join(', ')}.`
  return (
    <ChartFrame
      title={title}
      summary={summary}
      name={name}
      height={height}
      showTitle={false}
      data={() => ({
        header: ['column', 'value', 'contribution'],
        rows: [
          ['(base)', null, base],
          ...steps.map((step) => [step.label, step.note ?? null, step.change]),
          ['(answer)', null, answer],
        ],
      })}
    >
      {({ width }) => {
        const labels = Math.min(width * 0.5, longest * letter + 12)
        const ends = [base, answer, ...bars.flatMap((bar) => [bar.from, bar.to])]
        const x = linear([Math.min(...ends), Math.max(...ends)], [labels + 68, width - 60])
        const fits = Math.floor((labels - 8) / letter)
        const end = (value: number, row: number, word: string) => (
          <g>
            <text
              x={labels - 8}
              y={row * rowHeight + rowHeight / 2 + 4}
              textAnchor="end"
              dominantBaseline="central"
              fill="var(--color-soft)"
            >
              {word}
            </text>
            <line
              x1={x(value)}
              x2={x(value)}
              y1={row * rowHeight + 6}
              y2={row * rowHeight + rowHeight + 2}
              stroke="var(--color-ink)"
              strokeWidth="2"
            />
            <text
              x={x(value) + 6}
              y={row * rowHeight + rowHeight / 2 + 4}
              dominantBaseline="central"
              className="num"
              fontWeight="600"
              fill="var(--color-ink)"
            >
              {format(value)}
            </text>
          </g>
        )
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary} fontSize="12">
            {end(answer, 0, 'answer')}
            {bars.map((bar, i) => {
              const top = (i + 1) * rowHeight + 4
              const middle = top + rowHeight / 2
              const [left, right] = [Math.min(x(bar.from), x(bar.to)), Math.max(x(bar.from), x(bar.to))]
              const up = bar.change >= 0
              return (
                <g key={bar.label}>
                  <title>{`${texts[i]}: ${up ? '+' : ''}${format(bar.change)}`}</title>
                  <text x={labels - 8} y={middle} textAnchor="end" dominantBaseline="central" fill="var(--color-ink)">
                    {clip(texts[i]!, fits)}
                  </text>
                  <line x1={x(bar.to)} x2={x(bar.to)} y1={top - 4} y2={top + 4} stroke="var(--color-strong)" />
                  <rect
                    x={left}
                    y={top + 4}
                    width={Math.max(1, right - left)}
                    height={rowHeight - 8}
                    rx="2"
                    fill={up ? 'var(--color-s1)' : 'var(--color-s2)'}
                    opacity="0.9"
                  />
                  <text
                    x={up ? right + 4 : left - 4}
                    y={middle}
                    textAnchor={up ? 'start' : 'end'}
                    dominantBaseline="central"
                    className="num"
                    fill="var(--color-soft)"
                  >
                    {`${up ? '+' : '−'}${format(Math.abs(bar.change))}`}
                  </text>
                </g>
              )
            })}
            {end(base, bars.length + 1, 'mean answer')}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

const clip = (text: string, length: number) => (text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text)
