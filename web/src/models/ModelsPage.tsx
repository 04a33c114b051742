import type { Model } from '@atoll/sdk'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Boxes } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { OutcomeBadge } from '../goals/GoalStrip.tsx'
import { StateBadge } from '../ui/Badge.tsx'
import { buttonClass } from '../ui/Button.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { algorithmName, metricName } from '../ui/format.ts'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Num, WithInterval } from '../ui/Num.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { SearchBox } from '../ui/SearchBox.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** The measure that a model is looked at by: its goal's, else the first that was measured. */
const mainMetric = (row: Model): string | null =>
  row.latest?.goalOutcome?.metric ?? Object.keys(row.latest?.test ?? {})[0] ?? null

const columns: readonly ColumnOf<Model>[] = [
  {
    id: 'name',
    title: 'Model',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="model" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  {
    id: 'state',
    title: 'In use',
    value: (row) => row.champion?.number,
    cell: (row) =>
      row.champion ? (
        <span className="inline-flex items-center gap-2">
          <span className="num">v{row.champion.number}</span> <StateBadge state={row.champion.state} />
        </span>
      ) : (
        <span className="text-faint">none</span>
      ),
  },
  {
    id: 'goal',
    title: 'Goal',
    value: (row) => (row.latest?.goalOutcome ? Number(row.latest.goalOutcome.met) : null),
    cell: (row) =>
      row.latest?.goalOutcome ? <OutcomeBadge outcome={row.latest.goalOutcome} /> : <span className="text-faint">–</span>,
  },
  {
    id: 'value',
    title: 'On sealed rows',
    right: true,
    value: (row) => row.latest?.test[mainMetric(row) ?? '']?.value,
    cell: (row) => {
      const metric = mainMetric(row)
      const test = metric ? row.latest?.test[metric] : undefined
      return metric && test ? (
        <span>
          <span className="mr-2 text-sm text-faint">{metricName(metric)}</span>
          <WithInterval value={test.value} low={test.low} high={test.high} />
        </span>
      ) : (
        '–'
      )
    },
  },
  {
    id: 'algorithm',
    title: 'Algorithm',
    hide: 'narrow',
    value: (row) => row.latest?.algorithm,
    cell: (row) => (row.latest ? algorithmName(row.latest.algorithm) : '–'),
  },
  { id: 'target', title: 'Predicts', hide: 'narrow', value: (row) => row.target, cell: (row) => row.target },
  {
    id: 'versions',
    title: 'Versions',
    right: true,
    hide: 'narrow',
    value: (row) => row.versions,
    cell: (row) => <Num>{row.versions}</Num>,
  },
  {
    id: 'at',
    title: 'Changed',
    right: true,
    value: (row) => row.updatedAt,
    cell: (row) => <Ago at={row.latest?.createdAt ?? row.updatedAt} />,
  },
]

export function ModelsPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const [text, setText] = useState(useSearch({ strict: false }).q ?? '')
  const q = useDeferredValue(text.trim())
  const list = usePagedList(['models', project, 'list', q], (page) => atoll.models.list({ project, q: q || undefined, ...page }))
  return (
    <Page
      title="Models"
      actions={
        <>
          <Link to="/p/$project/models/import" params={{ project }} className={buttonClass()}>
            Import a model
          </Link>
          <Link to="/p/$project/models/new-pipeline" params={{ project }} className={buttonClass()}>
            New pipeline
          </Link>
          <NewLink to="/training/new">Train a model</NewLink>
        </>
      }
    >
      <PagedTable
        label="Models"
        columns={columns}
        list={list}
        filtered={q !== ''}
        toolbar={
          <SearchBox
            label="Find a model"
            value={text}
            onChange={(value) => {
              setText(value)
              void navigate({ to: '.', search: (old) => ({ ...old, q: value || undefined }), replace: true })
            }}
          />
        }
        empty={
          q ? (
            <Empty title={`No model is called “${q}”`} />
          ) : (
            <Empty icon={<Boxes />} title="No model yet" action={<NewLink to="/training/new">Train a model</NewLink>}>
              A model that was trained arrives here with its card, its test on sealed rows and the proof that it serves what was
              trained. One that was made elsewhere can be imported.
            </Empty>
          )
        }
      />
    </Page>
  )
}
