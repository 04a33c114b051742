import type { Monitor } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Ellipsis } from 'lucide-react'
import { useEffect, useState } from 'react'
import { atoll, changed } from '../api.ts'
import { sayDeleted } from '../app/deleted.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { useJob } from '../jobs/use-job.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { CopyButton } from '../ui/CopyButton.tsx'
import { FormPanel } from '../ui/FormPanel.tsx'
import { dateTime } from '../ui/format.ts'
import { Menu, MenuItem, MenuLine } from '../ui/Menu.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Bar, progressWords, shareOf } from '../ui/Progress.tsx'
import { Empty, ErrorNote, Skeleton, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'
import { AlertsList } from './AlertsList.tsx'
import { describe } from './BaselineField.tsx'
import { MonitorForm, type MonitorSettings } from './MonitorForm.tsx'
import { ReportTimeLine } from './ReportTimeLine.tsx'
import { ReportView } from './ReportView.tsx'
import { RunOnDataset } from './RunOnDataset.tsx'
import { scheduleWords } from './schedules.ts'

/** A monitor and what it found, report by report. */
export function MonitorPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const ref = useParams({ strict: false }).monitor ?? ''
  const search = useSearch({ strict: false })
  const [panel, setPanel] = useState<'settings' | 'dataset' | null>(null)
  const [running, setRunning] = useState<string | null>(null)
  const [deleting, setDeleting] = useState(false)
  const monitor = useQuery({ queryKey: ['monitor', project, ref], queryFn: () => atoll.monitors.get(ref, { project }) })
  const reports = useQuery({
    queryKey: ['monitor', monitor.data?.id, 'reports'],
    queryFn: () => atoll.monitors.reports(monitor.data!.id, { limit: 50 }),
    enabled: monitor.data !== undefined,
  })
  const job = useJob(running)
  const state = job.data?.state
  useEffect(() => {
    if (state === 'succeeded' || state === 'failed' || state === 'cancelled') {
      changed('monitor', 'monitors', 'alerts')
      if (state === 'succeeded') setRunning(null)
    }
  }, [state])
  const run = useMutation({
    mutationFn: () => atoll.monitors.run(monitor.data!.id),
    onSuccess: (made) => setRunning(made.job),
    onError: sayError,
  })
  if (!monitor.data)
    return (
      <Page title={ref}>
        {monitor.error ? <ErrorNote error={monitor.error} retry={() => void monitor.refetch()} /> : <SkeletonLines lines={8} />}
      </Page>
    )
  const data = monitor.data
  const list = reports.data?.items ?? []
  const shown = list.find((one) => one.id === search.report) ?? list[0]
  return (
    <Page
      title={data.name}
      kicker={data.lastState && <StateBadge state={data.lastState} />}
      lead={
        <>
          watches{' '}
          <NounLink noun="endpoint" to={data.endpoint}>
            {data.endpointName}
          </NounLink>
          ,{' '}
          {data.schedule ? (
            <>
              {scheduleWords(data.schedule)}, next <Ago at={data.nextRunAt} />
            </>
          ) : (
            'on demand'
          )}
          {`; compared with ${describe(data.baseline)}`}
          {data.webhookUrl && `; ${data.webhookSigned ? 'signed ' : ''}webhook to ${hostOf(data.webhookUrl)}`}
          {data.emails.length > 0 && `; mail to ${data.emails.join(', ')}`}
        </>
      }
      actions={
        <>
          <Button why={refused} onClick={() => setPanel('dataset')}>
            Run on a data set
          </Button>
          <Button
            look="primary"
            why={refused}
            busy={run.isPending || Boolean(running && state !== 'failed')}
            onClick={() => run.mutate()}
          >
            Run now
          </Button>
          <Menu
            label="More about this monitor"
            trigger={
              <Button aria-label="More" className="w-8 px-0!">
                <Ellipsis aria-hidden="true" className="size-4" />
              </Button>
            }
          >
            <MenuItem disabled={Boolean(refused)} onSelect={() => setPanel('settings')}>
              Checks, schedule and bounds
            </MenuItem>
            <MenuLine />
            <MenuItem tone="bad" disabled={Boolean(refused)} onSelect={() => setDeleting(true)}>
              Delete
            </MenuItem>
          </Menu>
        </>
      }
    >
      <div className="space-y-6">
        {running && job.data && state !== 'succeeded' && (
          <Section>
            {state === 'failed' ? (
              <ErrorNote title="The check failed." error={job.data.failure?.message ?? ''} retry={() => run.mutate()} />
            ) : (
              <>
                <Bar share={shareOf(job.data)} label="Check" />
                <p className="num mt-2 text-sm text-soft">{progressWords(job.data)}</p>
              </>
            )}
          </Section>
        )}
        {reports.error ? (
          <ErrorNote error={reports.error} retry={() => void reports.refetch()} />
        ) : reports.isPending ? (
          <Skeleton className="h-96" />
        ) : shown ? (
          <>
            {list.length > 1 && (
              <Section title="Reports over time" note={`${dateTime(shown.at)}, ${shown.source}`}>
                <ReportTimeLine
                  reports={list}
                  shown={shown.id}
                  onShow={(report) =>
                    void navigate({
                      to: '.',
                      search: (old) => ({ ...old, report, column: undefined }),
                      replace: true,
                      resetScroll: false,
                    })
                  }
                />
              </Section>
            )}
            <ReportView key={shown.id} report={shown} monitor={data} />
          </>
        ) : (
          <Empty
            title="It has not looked yet"
            action={
              <Button look="primary" why={refused} onClick={() => run.mutate()}>
                Run now
              </Button>
            }
          >
            It needs {data.minimumRows} captured rows, or a data set to take as “now”.
          </Empty>
        )}
        <Section title="Alerts of this monitor" bare>
          <AlertsList monitor={data.id} />
        </Section>
      </div>
      {deleting && (
        <Confirm
          open
          onClose={() => setDeleting(false)}
          title={`Delete the monitor “${data.name}”?`}
          action="Delete it"
          onConfirm={() =>
            void atoll.monitors.delete(data.id).then(() => {
              // Away first: what is gone is not to be read again by this page.
              void navigate({ to: '/p/$project/monitors', params: { project } }).then(() =>
                sayDeleted(data, 'monitors', 'monitor', 'alerts'),
              )
            }, sayError)
          }
        >
          It no longer looks, and its reports and alerts go with it into the bin.
        </Confirm>
      )}
      {panel === 'settings' && <SettingsPanel monitor={data} onClose={() => setPanel(null)} />}
      {panel === 'dataset' && (
        <RunOnDataset
          monitor={data}
          onClose={() => setPanel(null)}
          onRun={(made) => {
            setRunning(made)
            setPanel(null)
          }}
        />
      )}
    </Page>
  )
}

const hostOf = (url: string): string => URL.parse(url)?.host ?? url

function SettingsPanel({ monitor, onClose }: { monitor: Monitor; onClose: () => void }) {
  const { checks, baseline, schedule, windowHours, minimumRows, psiWarning, psiAlert } = monitor
  const { falseAlarmRate, repeatedRuns, webhookUrl, emails } = monitor
  const endpoint = useQuery({ queryKey: ['endpoint', monitor.endpoint], queryFn: () => atoll.endpoints.get(monitor.endpoint) })
  const [value, setValue] = useState<MonitorSettings>({
    checks,
    baseline,
    emails,
    schedule,
    windowHours,
    minimumRows,
    psiWarning,
    psiAlert,
    falseAlarmRate,
    repeatedRuns,
    webhookUrl,
  })
  return (
    <FormPanel
      title="Checks, schedule and bounds"
      onClose={onClose}
      save={() => atoll.monitors.update(monitor.id, value)}
      changes={['monitor', 'monitors']}
      wide
    >
      {(errorFor) => (
        <>
          <MonitorForm value={value} onChange={setValue} endpoint={endpoint.data} errorFor={errorFor} />
          {monitor.webhookUrl && <WebhookSecret monitor={monitor} />}
        </>
      )}
    </FormPanel>
  )
}

/** The secret that the receiver of the webhook tells our calls by; shown once, when it is made. */
function WebhookSecret({ monitor }: { monitor: Monitor }) {
  const make = useMutation({
    mutationFn: () => atoll.monitors.newSecret(monitor.id),
    onSuccess: () => changed('monitor'),
    onError: sayError,
  })
  return (
    <div className="space-y-2 text-sm">
      {make.data ? (
        <p>
          Copy it now, it is not shown again: <code className="num break-all">{make.data.secret}</code>{' '}
          <CopyButton text={make.data.secret} />
        </p>
      ) : (
        <p className="text-soft">
          {monitor.webhookSigned
            ? 'Calls of the webhook are signed. A new secret takes the place of the old one at once.'
            : 'Calls of the webhook are not signed yet.'}
        </p>
      )}
      <Button size="sm" busy={make.isPending} onClick={() => make.mutate()}>
        {monitor.webhookSigned ? 'Make a new secret' : 'Sign with a secret'}
      </Button>
    </div>
  )
}
