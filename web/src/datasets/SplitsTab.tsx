import type { Dataset, DatasetVersion, Split } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { Lock } from 'lucide-react'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { colourOf } from '../charts/series.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { percent, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { NewSplitPanel } from './NewSplitPanel.tsx'

/** How the rows are divided, what is sealed, and what leaks between the parts. */
export function SplitsTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const [making, setMaking] = useState(false)
  const refused = useRefusal()
  const splits = useQuery({
    queryKey: ['splits', dataset.id],
    queryFn: () => atoll.splits.list({ dataset: dataset.id }),
    refetchInterval: (query) => (query.state.data?.items.some((split) => split.state === 'making') ? 1500 : false),
  })
  const button = (
    <Button look="primary" why={refused} onClick={() => setMaking(true)}>
      Make a split
    </Button>
  )
  return (
    <div>
      {splits.error ? (
        <ErrorNote error={splits.error} retry={() => void splits.refetch()} />
      ) : splits.isPending ? (
        <SkeletonLines lines={5} />
      ) : splits.data.items.length === 0 ? (
        <Empty title="Not split yet" action={button}>
          A split sets some rows aside as a sealed test. No job that fits, tunes or picks a threshold can read them; they are
          opened once for each model version.
        </Empty>
      ) : (
        <div className="space-y-4">
          <div className="flex justify-end">{button}</div>
          {splits.data.items.map((split) => (
            <SplitCard key={split.id} split={split} current={split.version === version.id} />
          ))}
        </div>
      )}
      {making && <NewSplitPanel dataset={dataset} version={version} onClose={() => setMaking(false)} />}
    </div>
  )
}

function SplitCard({ split, current }: { split: Split; current: boolean }) {
  const total = split.parts.reduce((sum, part) => sum + part.rows, 0)
  const by = [
    split.target && `target ${split.target}`,
    split.groupColumn && `groups of ${split.groupColumn}`,
    split.timeColumn && `time of ${split.timeColumn}`,
    split.partColumn && `parts as in ${split.partColumn}`,
  ]
  return (
    <Section
      title={
        <span className="flex flex-wrap items-center gap-2">
          {split.kind} split <StateBadge state={split.state} />
        </span>
      }
      note={[
        ...by.filter(Boolean),
        split.folds ? `${split.folds} folds on the training part` : null,
        `seed ${split.seed}`,
        current ? null : 'of another version',
      ]
        .filter(Boolean)
        .join(' · ')}
      actions={
        <span className="text-sm text-faint">
          <Ago at={split.createdAt} />
        </span>
      }
    >
      {split.state === 'failed' && split.job && (
        <p>
          It could not be made.{' '}
          <NounLink noun="job" to={split.job}>
            See why
          </NounLink>
        </p>
      )}
      {total > 0 && (
        <>
          <div className="flex h-6 gap-px overflow-hidden rounded-md" aria-hidden="true">
            {split.parts.map((part, at) => (
              <div
                key={part.part}
                style={{ width: `${(part.rows / total) * 100}%`, background: part.sealed ? 'var(--color-s6)' : colourOf(at) }}
                className="grid place-items-center text-surface"
              >
                {part.sealed && part.rows / total > 0.05 && <Lock className="size-3.5" />}
              </div>
            ))}
          </div>
          <ul className="mt-2 flex flex-wrap gap-x-6 gap-y-1">
            {split.parts.map((part) => (
              <li key={part.part} className="flex items-center gap-1.5">
                {part.sealed && <Lock aria-hidden="true" className="size-3.5 text-faint" />}
                {part.part}
                {part.sealed && <span className="text-sm text-faint">(sealed)</span>}
                <span className="num text-soft">
                  {whole(part.rows)} · {percent(part.rows / total)}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {split.state === 'ready' && (
        <div className="mt-4 space-y-2">
          {split.leaks.length === 0 ? (
            <Notice severity="good" word="No leak found">
              Target copies, time, groups and duplicate rows across the parts were looked for.
            </Notice>
          ) : (
            split.leaks.map((leak) => (
              <Notice key={leak.kind + leak.column + leak.message} severity={leak.severity}>
                {leak.message}
              </Notice>
            ))
          )}
        </div>
      )}
    </Section>
  )
}
