import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { FlaskConical } from 'lucide-react'
import { useMemo, useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { buttonClass } from '../ui/Button.tsx'
import type { Sort } from '../ui/DataTable.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty, ErrorNote } from '../ui/State.tsx'
import { orderOf, runColumns } from './run-columns.tsx'

/** Runs of all experiments: search, sort, choose columns, select some to compare. */
export function TrainingPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const search = useSearch({ strict: false })
  const [selected, setSelected] = useState<Set<string>>(new Set())
  const [text, setText] = useState(search.filter ?? '')
  const experiment = search.q
  const sort: Sort | null = search.sort ? { by: search.sort.replace(/^-/, ''), down: search.sort.startsWith('-') } : null
  const experiments = useQuery({
    queryKey: ['experiments', project],
    queryFn: () => atoll.experiments.list({ project, limit: 200 }),
  })
  const list = usePagedList(
    ['runs', project, experiment, search.filter, search.sort],
    (page) => atoll.runs.list({ project, experiment, filter: search.filter, order: orderOf(sort), ...page }),
    { refetchInterval: 10_000 },
  )
  const columns = useMemo(() => runColumns(list.rows), [list.rows])
  const change = (part: Record<string, string | undefined>) =>
    void navigate({ to: '.', search: (old) => ({ ...old, ...part }), replace: true })
  const filtered = Boolean(search.filter ?? experiment)
  return (
    <Page
      title="Training"
      lead="Every run with its parameters, metrics, code and environment."
      actions={
        <>
          {selected.size > 1 && (
            <Link
              to="/p/$project/training/compare"
              params={{ project }}
              search={{ runs: [...selected].join(',') }}
              className={buttonClass()}
            >
              Compare {selected.size} runs
            </Link>
          )}
          <Link to="/p/$project/weights" params={{ project }} className={buttonClass()}>
            Weights
          </Link>
          <NewLink to="/training/new">Train a model</NewLink>
        </>
      }
    >
      <form
        className="mb-3 flex flex-wrap gap-2"
        onSubmit={(event) => {
          event.preventDefault()
          change({ filter: text.trim() || undefined })
        }}
      >
        <label>
          <span className="sr-only">Experiment</span>
          <select
            className="field w-52 pr-7"
            value={experiment ?? ''}
            onChange={(event) => change({ q: event.target.value || undefined })}
          >
            <option value="">all experiments</option>
            {experiments.data?.items.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name} ({one.runs})
              </option>
            ))}
          </select>
        </label>
        <label className="min-w-0 flex-1 basis-64">
          <span className="sr-only">Filter of runs</span>
          <input
            type="search"
            className="field num"
            placeholder="metrics.test.f1 > 0.8 and params.algorithm = 'lightgbm'"
            value={text}
            onChange={(event) => {
              setText(event.target.value)
              if (event.target.value === '') change({ filter: undefined })
            }}
          />
        </label>
        <button type="submit" className={buttonClass()}>
          Find
        </button>
      </form>
      {list.error && list.rows.length > 0 && (
        <div className="mb-3">
          <ErrorNote error={list.error} />
        </div>
      )}
      <PagedTable
        label="Runs"
        columns={columns}
        list={list}
        sort={sort}
        onSort={(next) => change({ sort: `${next.down ? '-' : ''}${next.by}` })}
        selected={selected}
        onSelect={setSelected}
        empty={
          filtered ? (
            <Empty title="No run meets this filter">
              Compare metrics and parameters with = != &gt; &lt; like in, joined by and, or, not.
            </Empty>
          ) : (
            <Empty
              icon={<FlaskConical />}
              title="Nothing was trained yet"
              action={<NewLink to="/training/new">Train a model</NewLink>}
            >
              A baseline comes first, then better candidates, within the time you give.
            </Empty>
          )
        }
      />
    </Page>
  )
}
