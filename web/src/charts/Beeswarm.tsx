import { short } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { linear } from './scale.ts'

export interface Swarm {
  label: string
  values: readonly number[]
  /** From 0 (low) to 1 (high); null where there is no order. */
  places: readonly (number | null)[]
}

/** Every row's contribution as a dot, a line of dots for each column, coloured by the column's own value. */
export function Beeswarm({
  title,
  name,
  summary,
  swarms,
}: {
  title: string
  name: string
  summary: string
  swarms: readonly Swarm[]
}) {
  const rowHeight = 30
  const height = swarms.length * rowHeight + 28
  const longest = Math.max(4, ...swarms.map((swarm) => swarm.label.length))
  const letter = 6.9
  return (
    <ChartFrame
      title={title}
      showTitle={false}
      name={name}
      summary={summary}
      height={height}
      legend={[
        { label: 'low value', colour: low, mark: 'box' },
        { label: 'high value', colour: high, mark: 'box' },
      ]}
      data={() => ({
        header: ['column', 'contribution', 'place of the value'],
        rows: swarms.flatMap((swarm) => swarm.values.map((value, at) => [swarm.label, value, swarm.places[at] ?? null])),
      })}
    >
      {({ width }) => {
        const labels = Math.min(width * 0.4, longest * letter + 12)
        const all = swarms.flatMap((swarm) => swarm.values)
        const x = linear([Math.min(0, ...all), Math.max(0, ...all)], [labels + 8, width - 12], { nice: true, ticks: 4 })
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary} fontSize="12">
            {x.ticks.map((tick) => (
              <g key={tick}>
                <line
                  x1={x(tick)}
                  x2={x(tick)}
                  y1="0"
                  y2={height - 22}
                  stroke={tick === 0 ? 'var(--color-strong)' : 'var(--color-line)'}
                />
                <text x={x(tick)} y={height - 8} textAnchor="middle" className="num" fill="var(--color-soft)">
                  {short(tick, 3)}
                </text>
              </g>
            ))}
            {swarms.map((swarm, row) => {
              const middle = row * rowHeight + rowHeight / 2
              return (
                <g key={swarm.label}>
                  <text x={labels - 4} y={middle} textAnchor="end" dominantBaseline="central" fill="var(--color-ink)">
                    {swarm.label.length * letter > labels
                      ? `${swarm.label.slice(0, Math.floor(labels / letter) - 1)}…`
                      : swarm.label}
                  </text>
                  {spread(swarm.values.map(x), rowHeight / 2 - 3).map((offset, at) => (
                    <circle
                      key={at}
                      cx={x(swarm.values[at]!)}
                      cy={middle + offset}
                      r="2.4"
                      fill={colourAt(swarm.places[at] ?? null)}
                      opacity="0.8"
                    />
                  ))}
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

const low = 'var(--color-s1)'
const high = 'var(--color-s2)'

const colourAt = (place: number | null): string =>
  place === null ? 'var(--color-faint)' : `color-mix(in oklab, ${high} ${Math.round(place * 100)}%, ${low})`

/** Offsets that keep dots of nearly the same place apart, within a limit. */
function spread(places: readonly number[], most: number): number[] {
  const taken = new Map<number, number>()
  return places.map((place) => {
    const bin = Math.round(place / 4)
    const count = taken.get(bin) ?? 0
    taken.set(bin, count + 1)
    const offset = Math.ceil(count / 2) * 2.6 * (count % 2 === 0 ? 1 : -1)
    return Math.max(-most, Math.min(most, offset))
  })
}
