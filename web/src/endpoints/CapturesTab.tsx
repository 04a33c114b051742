import type { Capture, Endpoint } from '@atoll/sdk'
import { useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { CodeBlock, Copyable } from '../ui/CopyButton.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { cell, percent, short } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Details } from '../ui/Page.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

const answerOf = (row: Capture): string => {
  const { label, value } = row.prediction
  return label !== undefined ? String(label) : typeof value === 'number' ? short(value) : cell(row.prediction)
}
const topOf = (row: Capture): number | null => {
  const all = row.prediction.probabilities
  return all && typeof all === 'object' ? Math.max(...Object.values(all as Record<string, number>)) : null
}

/** What the endpoint was asked and what it answered, newest first. */
export function CapturesTab({ endpoint }: { endpoint: Endpoint }) {
  const [open, setOpen] = useState<Capture | null>(null)
  const list = usePagedList(['captures', endpoint.id], (page) => atoll.endpoints.captures(endpoint.id, page), { limit: 100 })
  const inputs = endpoint.signature.inputs.map((input) => input.name)
  const columns: ColumnOf<Capture>[] = [
    {
      id: 'at',
      title: 'When',
      value: (row) => row.at,
      cell: (row) => (
        <button type="button" className="link" onClick={() => setOpen(row)}>
          <Ago at={row.at} />
        </button>
      ),
    },
    { id: 'answer', title: 'Answer', value: answerOf, cell: (row) => <span className="font-medium">{answerOf(row)}</span> },
    {
      id: 'probability',
      title: 'Probability',
      right: true,
      value: topOf,
      cell: (row) => <Num>{topOf(row) === null ? '–' : percent(topOf(row), 1, true)}</Num>,
    },
    ...inputs.slice(0, 60).map(
      (name, at): ColumnOf<Capture> => ({
        id: `in.${name}`,
        title: name,
        hide: at < 5 ? 'narrow' : 'default',
        value: (row) => cell(row.row[name]),
        cell: (row) => <span className="num text-soft">{row.row[name] == null ? 'missing' : cell(row.row[name])}</span>,
      }),
    ),
  ]
  return (
    <>
      <DataTable
        label="Captures"
        columns={columns}
        rows={list.rows}
        keyOf={(row) => row.id}
        loading={list.loading}
        error={list.error}
        retry={list.retry}
        hasMore={list.hasMore}
        loadMore={list.loadMore}
        loadingMore={list.loadingMore}
        toolbar={
          <p className="text-sm text-soft">
            {percent(endpoint.capture.share, 0)} of the requests are kept for {endpoint.capture.keepDays} days.
          </p>
        }
        empty={
          <Empty title="Nothing was kept yet">
            {endpoint.capture.share === 0
              ? 'This endpoint keeps none of its requests.'
              : 'Requests show here a moment after they were answered.'}
          </Empty>
        }
      />
      {open && (
        <SidePanel open onClose={() => setOpen(null)} title={answerOf(open)}>
          <Details
            rows={[
              ['When', <Ago key="a" at={open.at} />],
              ['Id', <Copyable key="i" text={open.id} />],
              ['Version', <Copyable key="v" text={open.version} />],
            ]}
          />
          <CodeBlock className="mt-4" label="the row" code={JSON.stringify(open.row, null, 2)} />
          <CodeBlock className="mt-4" label="the answer" code={JSON.stringify(open.prediction, null, 2)} />
        </SidePanel>
      )}
    </>
  )
}
