import type { Alert } from '@atoll/sdk'
import { useState } from 'react'
import { atoll, changed, usePagedList } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Segmented } from '../ui/Field.tsx'
import { dateTime } from '../ui/format.ts'
import { Menu, MenuItem } from '../ui/Menu.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'
import { checkWords } from './checks.ts'

const states = ['open', 'acknowledged', 'snoozed', 'closed'] as const

const snoozes = [
  { label: 'for an hour', hours: 1 },
  { label: 'for a day', hours: 24 },
  { label: 'for a week', hours: 168 },
] as const
type State = (typeof states)[number]

/** Alerts of the project, or of one monitor, as sentences; acknowledged, snoozed and closed here. */
export function AlertsList({ monitor }: { monitor?: string }) {
  const project = useProjectRef()
  const refused = useRefusal()
  const [state, setState] = useState<State>('open')
  const list = usePagedList(['alerts', project, state, monitor], (page) =>
    atoll.alerts.list({ project, state, monitor, ...page }),
  )
  const move = (alert: Alert, to: State, until?: string) =>
    void atoll.alerts.update(alert.id, { state: to, until }).then(() => changed('alerts'), sayError)
  const snooze = (alert: Alert, hours: number) => move(alert, 'snoozed', new Date(Date.now() + hours * 3_600_000).toISOString())
  return (
    <div className="space-y-2">
      <Segmented
        label="State of alerts"
        size="sm"
        value={state}
        choices={states.map((one) => ({ value: one, label: one }))}
        onChange={setState}
      />
      {list.error ? (
        <ErrorNote error={list.error} retry={list.retry} />
      ) : list.loading ? (
        <SkeletonLines lines={3} />
      ) : list.rows.length === 0 ? (
        <Empty title={`No alert is ${state}`} />
      ) : (
        <ul className="divide-y rounded-lg border bg-surface px-4">
          {list.rows.map((alert) => (
            <li key={alert.id} className="flex flex-wrap items-start justify-between gap-x-6 gap-y-2 py-3">
              <div className="min-w-0 max-w-prose flex-1 basis-72">
                <p className="flex flex-wrap items-center gap-x-2 text-sm text-faint">
                  <Badge tone={alert.severity === 'alert' ? 'bad' : 'warn'}>{alert.severity}</Badge>
                  <Ago at={alert.at} />
                  {alert.count > 1 && <span>{`${alert.count} times`}</span>}
                  {alert.kinds.map((kind) => (
                    <span key={kind}>{checkWords[kind].title}</span>
                  ))}
                  {alert.snoozedUntil && <span>silent until {dateTime(alert.snoozedUntil)}</span>}
                  {alert.handledBy && <span>{`${alert.state} by ${alert.handledBy}`}</span>}
                  {alert.webhook && <span>webhook: {alert.webhook}</span>}
                </p>
                <p className="mt-1">
                  {monitor === undefined && (
                    <>
                      <NounLink noun="monitor" to={alert.monitor}>
                        {alert.monitorName}
                      </NounLink>
                      {': '}
                    </>
                  )}
                  {alert.message}
                </p>
                <p className="text-sm text-soft">
                  {alert.recommendation}{' '}
                  <NounLink noun="monitor" to={alert.monitor} search={{ report: alert.report }}>
                    Open the report
                  </NounLink>
                </p>
              </div>
              <div className="flex gap-1.5">
                {alert.state === 'open' && (
                  <Button size="sm" why={refused} onClick={() => move(alert, 'acknowledged')}>
                    Acknowledge
                  </Button>
                )}
                {alert.state !== 'closed' && alert.state !== 'snoozed' && (
                  <Menu
                    label="Snooze"
                    trigger={
                      <Button size="sm" why={refused}>
                        Snooze
                      </Button>
                    }
                  >
                    {snoozes.map(({ label, hours }) => (
                      <MenuItem key={hours} onSelect={() => snooze(alert, hours)}>
                        {label}
                      </MenuItem>
                    ))}
                  </Menu>
                )}
                {alert.state === 'closed' || alert.state === 'snoozed' ? (
                  <Button size="sm" why={refused} onClick={() => move(alert, 'open')}>
                    Reopen
                  </Button>
                ) : null}
                {alert.state !== 'closed' && (
                  <Button size="sm" why={refused} onClick={() => move(alert, 'closed')}>
                    Close
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      {list.hasMore && (
        <Button size="sm" busy={list.loadingMore} onClick={list.loadMore}>
          Show more
        </Button>
      )}
    </div>
  )
}
