import type { Model, ModelVersion } from '@atoll/sdk'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { OutcomeBadge } from '../goals/GoalStrip.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { buttonClass } from '../ui/Button.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { algorithmName, metricName } from '../ui/format.ts'
import { WithInterval } from '../ui/Num.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Ago } from '../ui/Time.tsx'

/** Every version with its test; two of them can be compared on the same sealed rows. */
export function VersionsTab({ model }: { model: Model }) {
  const project = useProjectRef()
  const [selected, setSelected] = useState<Set<string>>(new Set())
  const list = usePagedList(['model', model.id, 'versions-list'], (page) => atoll.models.versions(model.id, page))
  const metrics = [...new Set(list.rows.flatMap((row) => Object.keys(row.test)))]
  const goal = list.rows.find((row) => row.goalOutcome)?.goalOutcome?.metric
  const first = new Set([goal ?? metrics[0], ...metrics.slice(0, 2)])
  const columns: ColumnOf<ModelVersion>[] = [
    {
      id: 'number',
      title: 'Version',
      right: true,
      value: (row) => row.number,
      cell: (row) => (
        <Link to="." search={{ version: String(row.number) }} className="link num">
          {row.number}
        </Link>
      ),
    },
    { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      id: 'goal',
      title: 'Goal',
      value: (row) => Number(row.goalOutcome?.met ?? 0),
      cell: (row) => (row.goalOutcome ? <OutcomeBadge outcome={row.goalOutcome} /> : '–'),
    },
    {
      id: 'algorithm',
      title: 'Algorithm',
      hide: 'narrow',
      value: (row) => row.algorithm,
      cell: (row) => algorithmName(row.algorithm),
    },
    ...metrics.map(
      (name): ColumnOf<ModelVersion> => ({
        id: name,
        title: metricName(name),
        right: true,
        hide: first.has(name) ? undefined : 'default',
        value: (row) => row.test[name]?.value,
        cell: (row) => <WithInterval value={row.test[name]?.value} low={row.test[name]?.low} high={row.test[name]?.high} />,
      }),
    ),
    { id: 'at', title: 'Made', right: true, value: (row) => row.createdAt, cell: (row) => <Ago at={row.createdAt} /> },
  ]
  const [a, b] = [...selected]
  return (
    <PagedTable
      label="Model versions"
      columns={columns}
      list={list}
      selected={selected}
      onSelect={setSelected}
      toolbar={
        a && b && selected.size === 2 ? (
          <Link to="/p/$project/models/compare" params={{ project }} search={{ a, b }} className={buttonClass('plain', 'sm')}>
            Compare these two
          </Link>
        ) : (
          <p className="text-sm text-soft">Select two to compare them on the same sealed rows.</p>
        )
      }
    />
  )
}
