import type { Ladder, Rung } from '@atoll/sdk'
import { Axes } from '../charts/Axes.tsx'
import { ChartFrame } from '../charts/ChartFrame.tsx'
import { linear, padded } from '../charts/scale.ts'
import { bytes, metricName, short } from '../ui/format.ts'

type Measured = Rung & { measured: NonNullable<Rung['measured']>; quality: NonNullable<Rung['quality']> }

export const isMeasured = (rung: Rung): rung is Measured => rung.measured !== null && rung.quality !== null

/** Quality against latency; a bubble's area is the size, a line joins those that no other beats in both. */
export function LadderChart({ ladder }: { ladder: Ladder }) {
  const rungs = ladder.rungs.filter(isMeasured)
  const most = Math.max(...rungs.map(({ sizeBytes }) => sizeBytes), 1)
  const front = rungs.filter(({ isOnFront }) => isOnFront).sort((a, b) => a.measured.one.p50Ms - b.measured.one.p50Ms)
  const metric = metricName(ladder.metric)
  const height = 330
  return (
    <ChartFrame
      title={`${metric} and latency`}
      name="ladder"
      height={height}
      summary={`${rungs.length} versions by ${metric} and median latency. On the front: ${front
        .map(({ name, quality, measured }) => `${name} (${short(quality.value)}, ${short(measured.one.p50Ms)} ms)`)
        .join(', ')}.`}
      legend={[{ label: 'no other is better and faster', colour: 'var(--color-accent)', mark: 'line' }]}
      data={() => ({
        header: ['version', ladder.metric, 'low', 'high', 'p50 ms', 'p95 ms', 'bytes', 'on the front'],
        rows: rungs.map(({ name, quality, measured, sizeBytes, isOnFront }) => [
          name,
          quality.value,
          quality.low,
          quality.high,
          measured.one.p50Ms,
          measured.one.p95Ms,
          sizeBytes,
          isOnFront,
        ]),
      })}
    >
      {({ width }) => {
        const box = { left: 56, right: width - 28, top: 30, bottom: height - 44 }
        const x = linear([0, padded(rungs.map(({ measured }) => measured.one.p95Ms))[1]], [box.left, box.right], { nice: true })
        const y = linear(padded(rungs.flatMap(({ quality }) => [quality.low, quality.high])), [box.bottom, box.top], {
          nice: true,
        })
        const at = (rung: Measured) => [x(rung.measured.one.p50Ms), y(rung.quality.value)] as const
        // Labels of versions that lie together stand one above the other.
        const nearBefore = (place: number) =>
          rungs.slice(0, place).filter((other) => {
            const [ax, ay] = at(other)
            const [bx, by] = at(rungs[place]!)
            return Math.abs(ax - bx) < 90 && Math.abs(ay - by) < 20
          }).length
        return (
          <svg data-chart="" width={width} height={height} role="img" aria-label={`${metric} against latency`} fontSize="12">
            <Axes x={x} y={y} box={box} xLabel="milliseconds for one row (median, line to the 95th percentile)" yLabel={metric} />
            <polyline
              points={front.map((rung) => at(rung).join(',')).join(' ')}
              fill="none"
              stroke="var(--color-accent)"
              strokeDasharray="4 3"
            />
            {rungs.map((rung, place) => {
              const [cx, cy] = at(rung)
              const { quality, measured, sizeBytes, name, isOnFront } = rung
              const isRight = cx > box.right - 120
              const label = cy - 10 - 12 * Math.sqrt(sizeBytes / most) - 13 * nearBefore(place)
              return (
                <g key={rung.version}>
                  <title>{`${name}: ${short(quality.value)} (${short(quality.low)} to ${short(quality.high)}), ${short(measured.one.p50Ms)} ms, ${bytes(sizeBytes)}`}</title>
                  <path
                    d={`M${cx} ${y(quality.low)}V${y(quality.high)}M${cx} ${cy}H${x(measured.one.p95Ms)}`}
                    stroke="var(--color-faint)"
                    fill="none"
                  />
                  <circle
                    cx={cx}
                    cy={cy}
                    r={4 + 16 * Math.sqrt(sizeBytes / most)}
                    fill={isOnFront ? 'var(--color-accent)' : 'var(--color-faint)'}
                    fillOpacity={rung.version === ladder.choice.version ? 0.6 : 0.22}
                    stroke={isOnFront ? 'var(--color-accent)' : 'var(--color-faint)'}
                    strokeWidth={rung.version === ladder.choice.version ? 3 : 1.2}
                  />
                  <text x={isRight ? cx - 8 : cx + 8} y={label} textAnchor={isRight ? 'end' : 'start'} fill="var(--color-ink)">
                    {name}
                  </text>
                </g>
              )
            })}
          </svg>
        )
      }}
    </ChartFrame>
  )
}
