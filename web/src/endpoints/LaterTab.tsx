import type { Endpoint, Invocation } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, usePagedList } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { CopyButton } from '../ui/CopyButton.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { NumberField } from '../ui/Field.tsx'
import { bytes, duration, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'

/** Requests that are answered later: how they are worked off, and how each went. */
export function LaterTab({ endpoint }: { endpoint: Endpoint }) {
  const list = usePagedList(['invocations', endpoint.id], (page) => atoll.invocations.list(endpoint.id, page), {
    refetchInterval: 3000,
  })
  return (
    <div className="space-y-6">
      <Queue endpoint={endpoint} />
      <PagedTable
        label="Invocations"
        columns={columns}
        list={list}
        empty={
          <Empty title="Nothing was asked to be answered later">
            POST /v1/endpoints/{endpoint.name}/invocations takes the body of /predict, or a file, and answers with an id to fetch
            the result by. On the command line: atoll predict {endpoint.name} --rows rows.csv --async
          </Empty>
        }
      />
    </div>
  )
}

const columns: readonly ColumnOf<Invocation>[] = [
  { id: 'id', title: 'Invocation', value: (row) => row.id, cell: (row) => <span className="num text-sm">{row.id}</span> },
  { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
  {
    id: 'why',
    title: 'Note',
    hide: 'narrow',
    value: (row) => row.failure?.message ?? row.waiting,
    cell: (row) => <span className="text-soft">{row.failure?.message ?? row.waiting}</span>,
  },
  {
    id: 'result',
    title: 'Result',
    value: (row) => row.resultBytes,
    cell: (row) =>
      row.resultUrl ? (
        <a className="link" href={row.resultUrl} download>
          {bytes(row.resultBytes)}
        </a>
      ) : isOpen(row) ? (
        <Cancel id={row.id} />
      ) : null,
  },
  { id: 'at', title: 'Asked', right: true, value: (row) => row.createdAt, cell: (row) => <Ago at={row.createdAt} /> },
]

const isOpen = ({ state }: Invocation): boolean => state === 'queued' || state === 'running'

function Cancel({ id }: { id: string }) {
  const cancel = useMutation({
    mutationFn: () => atoll.invocations.cancel(id),
    onSuccess: () => changed('invocations'),
    onError: sayError,
  })
  return (
    <Button size="sm" busy={cancel.isPending} onClick={() => cancel.mutate()}>
      Cancel
    </Button>
  )
}

function Queue({ endpoint }: { endpoint: Endpoint }) {
  const refused = useRefusal()
  const [concurrency, setConcurrency] = useState<number | null>(null)
  const [secret, setSecret] = useState<string | null>(null)
  const queue = useQuery({
    queryKey: ['invocation-queue', endpoint.id],
    queryFn: () => atoll.invocations.queue(endpoint.id),
    refetchInterval: 3000,
  })
  const change = useMutation({
    mutationFn: () => atoll.invocations.setQueue(endpoint.id, { concurrency: concurrency! }),
    onSuccess: () => changed('invocation-queue'),
    onError: sayError,
  })
  const newSecret = useMutation({
    mutationFn: () => atoll.invocations.newSecret(endpoint.id),
    onSuccess: (made) => {
      setSecret(made.secret)
      changed('invocation-queue')
    },
    onError: sayError,
  })
  if (queue.error) return <ErrorNote error={queue.error} retry={() => void queue.refetch()} />
  if (!queue.data) return <SkeletonLines lines={3} />
  const { waiting, running, oldestWaitsSeconds, hasSecret, maxAttempts, expiresInSeconds, keepDays } = queue.data
  return (
    <Section title="Queue">
      <p className="num" role="status">
        {whole(waiting)} waiting{oldestWaitsSeconds === null ? '' : ` (the oldest for ${duration(oldestWaitsSeconds)})`},{' '}
        {whole(running)} running
      </p>
      <p className="mt-1 text-sm text-soft">
        {maxAttempts} attempts, may wait {duration(expiresInSeconds)}, results kept for {keepDays} days
      </p>
      <div className="mt-4 flex flex-wrap items-end gap-3">
        <NumberField
          key={queue.data.concurrency}
          label="At once"
          min={1}
          max={64}
          value={concurrency ?? queue.data.concurrency}
          onChange={setConcurrency}
          wrap="w-28"
        />
        <Button
          why={refused}
          busy={change.isPending}
          disabled={concurrency === null || concurrency === queue.data.concurrency}
          onClick={() => change.mutate()}
        >
          Change
        </Button>
        <Button why={refused} busy={newSecret.isPending} onClick={() => newSecret.mutate()}>
          {hasSecret ? 'New secret for webhooks' : 'Make a secret for webhooks'}
        </Button>
      </div>
      {secret && (
        <div className="mt-3 space-y-1">
          <p className="text-sm text-soft">Told this once; receivers check calls with it.</p>
          <p className="flex items-center gap-2">
            <code className="num break-all">{secret}</code>
            <CopyButton text={secret} />
          </p>
        </div>
      )}
    </Section>
  )
}
