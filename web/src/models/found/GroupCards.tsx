import { colourOf } from '../../charts/series.ts'
import { count, percent, short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { Group } from './found-files.ts'

/** Each group: how large it is, and the columns in which it differs most from all rows. */
export function GroupCards({ groups }: { groups: readonly Group[] }) {
  return (
    <Section
      title="Groups"
      note="What sets each apart: its mean against that of all rows, and by how many standard deviations they differ."
    >
      <div className="grid gap-4 md:grid-cols-2 2xl:grid-cols-3">
        {groups.map((group) => (
          <GroupCard key={group.cluster} group={group} />
        ))}
      </div>
    </Section>
  )
}

function GroupCard({ group }: { group: Group }) {
  const colour = group.isNoise ? 'var(--color-faint)' : colourOf(group.cluster)
  return (
    <article className="rounded-md border p-3" style={{ borderTop: `3px solid ${colour}` }}>
      <h3 className="flex items-baseline justify-between gap-2 font-medium">
        {group.isNoise ? 'Noise' : `Group ${group.cluster}`}
        <span className="num text-sm font-normal text-soft">
          {count(group.rows, 'row')}, {percent(group.share)}
        </span>
      </h3>
      <table className="mt-2 w-full text-sm">
        <thead className="text-left text-faint">
          <tr>
            <th scope="col" className="font-normal">
              column
            </th>
            <th scope="col" className="text-right font-normal">
              here
            </th>
            <th scope="col" className="text-right font-normal">
              all
            </th>
            <th scope="col" className="text-right font-normal">
              apart
            </th>
          </tr>
        </thead>
        <tbody>
          {group.differs.map((one) => {
            const show = (value: number) =>
              one.value === null ? (one.type === 'datetime' ? day(value) : short(value)) : percent(value)
            return (
              <tr key={one.column} className="border-t">
                <td className="py-0.5 break-words">
                  {one.column}
                  {one.value !== null && <span className="text-soft"> = {one.value}</span>}
                </td>
                <td className="num text-right">{show(one.here)}</td>
                <td className="num text-right text-soft">{show(one.overall)}</td>
                <td className="num text-right">{`${one.effect > 0 ? '+' : '−'}${Math.abs(one.effect).toFixed(1)}`}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
      {group.labels && (
        <p className="mt-2 text-sm text-soft">
          {group.labels
            .slice(0, 4)
            .map((one) => `${one.label || '(none)'} ${one.rows}`)
            .join(', ')}
        </p>
      )}
    </article>
  )
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
