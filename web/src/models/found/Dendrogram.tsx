import { ChartFrame } from '../../charts/ChartFrame.tsx'
import { linear } from '../../charts/scale.ts'
import { short, whole } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { Merge } from './found-files.ts'

const height = 280

/** The last merges of a hierarchy: how far apart groups were when they were joined. */
export function Dendrogram({ merges }: { merges: readonly Merge[] }) {
  const { at, leaves } = laidOut(merges)
  const top = merges.at(-1)?.height ?? 1
  const summary = `The last ${merges.length} merges; the highest joins ${whole(merges.at(-1)?.rows)} rows at ${short(top)}.`
  return (
    <Section
      title="Hierarchy"
      note="Long lines are between groups that lie far apart: a cut through them gives the number of groups."
    >
      <ChartFrame
        title="Dendrogram"
        showTitle={false}
        name="dendrogram"
        summary={summary}
        height={height}
        data={() => ({
          header: ['height', 'rows', 'left rows', 'right rows'],
          rows: merges.map((one) => [one.height, one.rows, one.left.rows, one.right.rows]),
        })}
      >
        {({ width }) => {
          const x = linear([0, Math.max(1, leaves - 1)], [44, width - 12])
          const y = linear([0, top], [height - 22, 10])
          const level = (side: Merge['left']) => (side.merge === null ? 0 : (merges[side.merge]?.height ?? 0))
          return (
            <svg data-chart="" width={width} height={height} role="img" aria-label={summary}>
              {y.ticks.map((tick) => (
                <text
                  key={tick}
                  x={38}
                  y={y(tick)}
                  textAnchor="end"
                  dominantBaseline="central"
                  fontSize="11"
                  fill="var(--color-faint)"
                >
                  {short(tick)}
                </text>
              ))}
              {merges.map((merge, number) => {
                const place = at[number]!
                return (
                  <path
                    key={number}
                    d={`M${x(place.left)},${y(level(merge.left))}V${y(merge.height)}H${x(place.right)}V${y(level(merge.right))}`}
                    fill="none"
                    stroke="var(--color-s1)"
                    strokeWidth="1.4"
                  />
                )
              })}
            </svg>
          )
        }}
      </ChartFrame>
    </Section>
  )
}

/** Leaves side by side in the order of the tree, each merge above the middle of its sides. */
function laidOut(merges: readonly Merge[]): { at: { left: number; right: number }[]; leaves: number } {
  const at: { left: number; right: number }[] = []
  let leaves = 0
  const place = (side: Merge['left']): number => {
    if (side.merge === null) return leaves++
    const merge = merges[side.merge]!
    const left = place(merge.left)
    const right = place(merge.right)
    at[side.merge] = { left, right }
    return (left + right) / 2
  }
  place({ merge: merges.length - 1, rows: 0 })
  return { at, leaves }
}
