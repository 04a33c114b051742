import type { ComparisonResult } from '@atoll/sdk'
import { ChartFrame } from '../charts/ChartFrame.tsx'
import { linear, padded } from '../charts/scale.ts'
import { algorithmName, metricName, short } from '../ui/format.ts'

const rowHeight = 86

/** Each pair's differences, fold by fold, with their mean and its interval; what lies right of zero speaks for the one named first. */
export function DifferencesChart({ result }: { result: ComparisonResult }) {
  const { pairs, metric, repeats, folds } = result
  const delta = pairs[0]?.equivalence?.delta ?? null
  const title = `Differences in ${metricName(metric)}, fold by fold`
  const height = pairs.length * rowHeight + 34
  const summary = pairs.map(({ sentence }) => sentence).join(' ')
  return (
    <ChartFrame
      title={title}
      name="differences"
      summary={summary}
      height={height}
      data={() => ({
        header: ['pair', 'repeat', 'fold', 'difference'],
        rows: pairs.flatMap(({ a, b, differences }) =>
          differences.map((value, at) => [`${b} - ${a}`, Math.floor(at / folds) + 1, (at % folds) + 1, value]),
        ),
      })}
    >
      {({ width }) => {
        const all = pairs.flatMap(({ differences, difference }) => [...differences, difference.low, difference.high])
        const x = linear(padded([...all, 0, ...(delta === null ? [] : [delta, -delta])], 0.06), [10, width - 10], {
          ticks: Math.min(7, width / 90),
        })
        const foot = pairs.length * rowHeight
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={summary} fontSize="12" className="num">
            {delta !== null && (
              <rect x={x(-delta)} width={x(delta) - x(-delta)} y="0" height={foot} fill="var(--color-sunken)">
                <title>{`Differences below ${short(delta)} do not matter.`}</title>
              </rect>
            )}
            {x.ticks.map((tick) => (
              <text key={tick} x={x(tick)} y={foot + 16} textAnchor="middle" fontSize="11" fill="var(--color-faint)">
                {short(tick)}
              </text>
            ))}
            <line x1="10" x2={width - 10} y1={foot} y2={foot} stroke="var(--color-strong)" />
            <line x1={x(0)} x2={x(0)} y1="0" y2={foot} stroke="var(--color-ink)" strokeDasharray="3 3" />
            {pairs.map((pair, at) => {
              const top = at * rowHeight
              const { value, low, high } = pair.difference
              return (
                <g key={`${pair.a} ${pair.b}`}>
                  <text x="10" y={top + 16} fill="var(--color-soft)">
                    {`${named(pair.b)} − ${named(pair.a)}`}
                  </text>
                  {pair.differences.map((one, i) => (
                    <circle
                      key={i}
                      cx={x(one)}
                      cy={top + 30 + ((Math.floor(i / folds) + 0.5) / repeats) * 24}
                      r="3"
                      fill="var(--color-s1)"
                      opacity="0.45"
                    >
                      <title>{`repeat ${Math.floor(i / folds) + 1}, fold ${(i % folds) + 1}: ${short(one, 3)}`}</title>
                    </circle>
                  ))}
                  <line
                    x1={x(low)}
                    x2={x(high)}
                    y1={top + 66}
                    y2={top + 66}
                    stroke="var(--color-ink)"
                    strokeWidth="5"
                    strokeLinecap="round"
                    opacity="0.35"
                  />
                  <circle cx={x(value)} cy={top + 66} r="5" fill="var(--color-ink)">
                    <title>{`mean ${short(value, 3)}, 95 % interval ${short(low, 3)} to ${short(high, 3)}`}</title>
                  </circle>
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}

const named = (name: string): string => (name.includes(':') ? name : algorithmName(name))
