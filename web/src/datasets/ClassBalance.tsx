import type { Profile } from '@atoll/sdk'
import { colourOf } from '../charts/series.ts'
import { percent, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'

/** How many rows each class of the target has. */
export function ClassBalance({ target }: { target: NonNullable<Profile['target']> }) {
  const total = target.classes.reduce((sum, one) => sum + one.count, 0)
  const shown = target.classes.slice(0, 8)
  if (target.task === 'regression') return null
  return (
    <Section title={`Classes of ${target.column}`}>
      <div className="flex h-5 gap-px overflow-hidden rounded-md" aria-hidden="true">
        {shown.map((one, at) => (
          <div key={one.value} style={{ width: `${(one.count / total) * 100}%`, background: colourOf(at) }} />
        ))}
      </div>
      <ul className="mt-2 flex flex-wrap gap-x-5 gap-y-1">
        {shown.map((one, at) => (
          <li key={one.value} className="flex items-center gap-1.5">
            <span aria-hidden="true" className="size-2.5 rounded-sm" style={{ background: colourOf(at) }} />
            {one.value}
            <span className="num text-soft">
              {whole(one.count)} · {percent(one.count / total)}
            </span>
          </li>
        ))}
        {target.classes.length > shown.length && <li className="text-faint">and {target.classes.length - shown.length} more</li>}
      </ul>
    </Section>
  )
}
