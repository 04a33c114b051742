import type { Endpoint, LogEntry } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Download } from 'lucide-react'
import { useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { CodeBlock, Copyable } from '../ui/CopyButton.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { bytes, cell, percent, short } from '../ui/format.ts'
import { Menu, MenuItem } from '../ui/Menu.tsx'
import { Num } from '../ui/Num.tsx'
import { Details } from '../ui/Page.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { exportAddress, queryOf, readFilter, writeFilter } from './log/filter.ts'
import { LogFilters } from './log/LogFilters.tsx'
import { PolicyPanel } from './log/PolicyPanel.tsx'
import { TruthCell } from './log/TruthCell.tsx'
import { TruthFile, TruthSummary } from './log/TruthSummary.tsx'

const answerOf = (row: LogEntry): string => {
  const { label, labels, value, cluster, isAnomaly, text } = row.prediction
  if (typeof text === 'string') return text.length > 120 ? `${text.slice(0, 120)}…` : text
  if (Array.isArray(labels)) return labels.join(', ') || 'none'
  if (typeof cluster === 'number') return cluster < 0 ? 'none of the groups' : `group ${cluster}`
  if (typeof isAnomaly === 'boolean') return isAnomaly ? 'anomaly' : 'ordinary'
  return label !== undefined ? String(label) : typeof value === 'number' ? short(value) : cell(row.prediction)
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

/** The prediction log: what the endpoint was asked and answered, and what turned out; searched, corrected, taken away. */
export function CapturesTab({ endpoint }: { endpoint: Endpoint }) {
  const navigate = useNavigate()
  const filter = readFilter(useSearch({ strict: false }).filter)
  const refused = useRefusal()
  const [open, setOpen] = useState<LogEntry | null>(null)
  const [changing, setChanging] = useState(false)
  const asked = queryOf(filter)
  const list = usePagedList(['captures', endpoint.id, asked], (page) => atoll.log.search(endpoint.id, { ...asked, ...page }), {
    limit: 100,
  })
  const isFiltered = writeFilter(filter) !== undefined
  const variants = endpoint.variants.map(({ name }) => name)
  return (
    <>
      <TruthSummary endpoint={endpoint} />
      <DataTable
        label="Captures"
        columns={columnsOf(endpoint, setOpen)}
        rows={list.rows}
        keyOf={(row) => row.id}
        loading={list.loading}
        error={list.error}
        retry={list.retry}
        hasMore={list.hasMore}
        loadMore={list.loadMore}
        loadingMore={list.loadingMore}
        filtered
        toolbar={
          <>
            <LogFilters
              endpoint={endpoint}
              variants={variants}
              filter={filter}
              onChange={(now) =>
                void navigate({ to: '.', search: (old) => ({ ...old, filter: writeFilter(now) }), replace: true })
              }
            />
            <TruthFile endpoint={endpoint} />
            <Menu
              label="Take the log away"
              trigger={
                <Button size="sm" icon={<Download aria-hidden="true" className="size-3.5" />}>
                  Download
                </Button>
              }
            >
              {(['csv', 'parquet'] as const).map((format) => (
                <MenuItem key={format} asChild>
                  <a href={exportAddress(endpoint.id, filter, format)} download className="no-underline">
                    All that is found, as {format === 'csv' ? 'CSV' : 'Parquet'}
                  </a>
                </MenuItem>
              ))}
            </Menu>
          </>
        }
        empty={
          <Nothing
            endpoint={endpoint}
            isFiltered={isFiltered}
            goOn={list.hasMore ? list.loadMore : null}
            busy={list.loadingMore}
          />
        }
      />
      <p className="mt-2 text-sm text-faint">
        {percent(endpoint.capture.share, 0)} of the requests are kept for {endpoint.capture.keepDays} days.{' '}
        {!refused && (
          <button type="button" className="link" onClick={() => setChanging(true)}>
            Change what is kept
          </button>
        )}
      </p>
      {changing && <PolicyPanel endpoint={endpoint} onClose={() => setChanging(false)} />}
      {open && (
        <SidePanel open onClose={() => setOpen(null)} title={answerOf(open)}>
          <Details
            rows={[
              ['When', <Ago key="a" at={open.at} />],
              ['Id', <Copyable key="i" text={open.id} />],
              ['Version', <Copyable key="v" text={open.version} />],
              variants.length > 1 && ['Variant', open.variant],
              open.truth && ['Turned out', cell(open.truth.value)],
              open.truth && ['Known since', <Ago key="t" at={open.truth.at} />],
            ]}
          />
          <CodeBlock className="mt-4" label="the row" code={JSON.stringify(open.row, null, 2)} />
          <CodeBlock className="mt-4" label="the answer" code={JSON.stringify(open.prediction, null, 2)} />
        </SidePanel>
      )}
    </>
  )
}

function columnsOf(endpoint: Endpoint, onOpen: (row: LogEntry) => void): ColumnOf<LogEntry>[] {
  const { signature, capture } = endpoint
  const names = signature.inputs.map((input) => input.name)
  const isProbability = signature.task === 'binary' || signature.task === 'multiclass'
  const key = capture.key !== null && !names.includes(capture.key) ? capture.key : null
  return [
    {
      id: 'at',
      title: 'When',
      value: (row) => row.at,
      cell: (row) => (
        <button type="button" className="link" onClick={() => onOpen(row)}>
          <Ago at={row.at} />
        </button>
      ),
    },
    { id: 'answer', title: 'Answer', value: answerOf, cell: (row) => <span className="font-medium">{answerOf(row)}</span> },
    {
      id: 'truth',
      title: 'Turned out',
      value: (row) => (row.truth ? String(row.truth.value) : null),
      cell: (row) => <TruthCell endpoint={endpoint} entry={row} />,
    },
    {
      id: 'probability',
      title: signature.task === 'binary' ? `Probability of ${signature.positive}` : isProbability ? 'Probability' : 'Score',
      right: true,
      hide: signature.task === 'regression' ? 'default' : undefined,
      value: (row) => row.score,
      cell: (row) => <Num>{row.score === null ? '–' : isProbability ? percent(row.score, 1, true) : short(row.score)}</Num>,
    },
    ...(endpoint.variants.length > 1
      ? [{ id: 'variant', title: 'Variant', value: (row: LogEntry) => row.variant, cell: (row: LogEntry) => row.variant }]
      : []),
    ...[...(key === null ? [] : [key]), ...names].slice(0, 60).map(
      (name, at): ColumnOf<LogEntry> => ({
        id: `in.${name}`,
        title: name,
        hide: at < 5 ? 'narrow' : 'default',
        value: (row) => wordsOf(row.row[name]),
        cell: (row) => <Cell value={row.row[name]} />,
      }),
    ),
  ]
}

function Nothing({
  endpoint,
  isFiltered,
  goOn,
  busy,
}: {
  endpoint: Endpoint
  isFiltered: boolean
  goOn: (() => void) | null
  busy: boolean
}) {
  if (isFiltered)
    return (
      <Empty
        title={goOn ? 'Nothing among the newest' : 'No captured prediction is like that'}
        action={
          goOn && (
            <Button busy={busy} onClick={goOn}>
              Search further back
            </Button>
          )
        }
      >
        {goOn ? 'The search paused because there is much to go through.' : 'Ask for less, or for a longer time.'}
      </Empty>
    )
  return (
    <Empty title="Nothing was kept yet">
      {endpoint.capture.share === 0
        ? 'This endpoint keeps none of its requests.'
        : 'Requests show here a moment after they were answered.'}
    </Empty>
  )
}
