import type { Capture, Endpoint } from '@atoll/sdk'
import { useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { CodeBlock, Copyable } from '../ui/CopyButton.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { bytes, cell, percent, short } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Details } from '../ui/Page.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

const answerOf = (row: Capture): string => {
  const { label, labels, value, cluster, isAnomaly, text } = row.prediction
  if (typeof text === 'string') return text.length > 120 ? `${text.slice(0, 120)}…` : text
  if (Array.isArray(labels)) return labels.join(', ') || 'none'
  if (typeof cluster === 'number') return cluster < 0 ? 'none of the groups' : `group ${cluster}`
  if (typeof isAnomaly === 'boolean') return isAnomaly ? 'anomaly' : 'ordinary'
  return label !== undefined ? String(label) : typeof value === 'number' ? short(value) : cell(row.prediction)
}
const topOf = (row: Capture): number | null => {
  const all = row.prediction.probabilities
  return all && typeof all === 'object' ? Math.max(...Object.values(all as Record<string, number>)) : null
}

interface KeptFile {
  sha256: string
  bytes: number
  thumbnail?: string
}
const isKeptFile = (value: unknown): value is KeptFile => typeof value === 'object' && value !== null && 'sha256' in value

const wordsOf = (value: unknown): string => (isKeptFile(value) ? value.sha256 : value == null ? 'missing' : cell(value))

function Cell({ value }: { value: unknown }) {
  if (!isKeptFile(value)) return <span className="num text-soft">{wordsOf(value)}</span>
  return (
    <span className="flex items-center gap-2 text-soft">
      {value.thumbnail && <img src={value.thumbnail} alt="What was asked about" className="h-8 rounded-sm" />}
      <span className="num" title={value.sha256}>
        {value.sha256.slice(0, 8)}, {bytes(value.bytes)}
      </span>
    </span>
  )
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
        value: (row) => wordsOf(row.row[name]),
        cell: (row) => <Cell value={row.row[name]} />,
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
