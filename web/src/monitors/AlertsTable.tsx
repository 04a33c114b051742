import type { Alert } from '@atoll/sdk'
import { useState } from 'react'
import { atoll, changed, usePagedList } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Badge, StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { Segmented } from '../ui/Field.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'

const states = ['open', 'acknowledged', 'closed'] as const

/** Alerts of the project, or of one monitor; acknowledged and closed here. */
export function AlertsTable({ monitor }: { monitor?: string }) {
  const project = useProjectRef()
  const refused = useRefusal()
  const [state, setState] = useState<(typeof states)[number]>('open')
  const list = usePagedList(['alerts', project, state, monitor], (page) =>
    atoll.alerts.list({ project, state, monitor, ...page }),
  )
  const move = (alert: Alert, to: Alert['state']) =>
    void atoll.alerts.update(alert.id, { state: to }).then(() => changed('alerts'), sayError)
  const columns: ColumnOf<Alert>[] = [
    {
      id: 'severity',
      title: 'How bad',
      value: (row) => row.severity,
      cell: (row) => <Badge tone={row.severity === 'alert' ? 'bad' : 'warn'}>{row.severity}</Badge>,
    },
    {
      id: 'message',
      title: 'What',
      value: (row) => row.message,
      cell: (row) => (
        <NounLink noun="monitor" to={row.monitor} search={{ report: row.report }}>
          <span title={`${row.message} ${row.recommendation}`}>{row.message}</span>
        </NounLink>
      ),
    },
    {
      id: 'advice',
      title: 'What would help',
      hide: 'narrow',
      value: (row) => row.recommendation,
      cell: (row) => <span title={row.recommendation}>{row.recommendation}</span>,
    },
    {
      id: 'count',
      title: 'Times',
      right: true,
      hide: 'narrow',
      value: (row) => row.count,
      cell: (row) => <Num>{row.count}</Num>,
    },
    { id: 'webhook', title: 'Webhook', hide: 'default', value: (row) => row.webhook, cell: (row) => row.webhook ?? '–' },
    { id: 'at', title: 'When', right: true, value: (row) => row.at, cell: (row) => <Ago at={row.at} /> },
    {
      id: 'act',
      title: '',
      name: 'Actions',
      right: true,
      cell: (row) => (
        <span className="inline-flex gap-1.5">
          {row.state === 'open' && (
            <Button size="sm" why={refused} onClick={() => move(row, 'acknowledged')}>
              Seen
            </Button>
          )}
          {row.state !== 'closed' ? (
            <Button size="sm" why={refused} onClick={() => move(row, 'closed')}>
              Close
            </Button>
          ) : (
            <StateBadge state={row.state} />
          )}
        </span>
      ),
    },
  ]
  const chooser = (
    <Segmented
      label="State of alerts"
      size="sm"
      value={state}
      choices={states.map((one) => ({ value: one, label: one }))}
      onChange={setState}
    />
  )
  return (
    <DataTable
      label="Alerts"
      columns={columns}
      rows={list.rows}
      keyOf={(row) => row.id}
      loading={list.loading}
      error={list.error}
      retry={list.retry}
      hasMore={list.hasMore}
      loadMore={list.loadMore}
      loadingMore={list.loadingMore}
      toolbar={chooser}
      empty={
        <div>
          {chooser}
          <div className="mt-2">
            <Empty title={`No alert is ${state}`} />
          </div>
        </div>
      }
    />
  )
}
