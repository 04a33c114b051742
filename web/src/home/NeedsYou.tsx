import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** Open alerts, failed jobs, and models and loops that wait for a decision. */
export function NeedsYou() {
  const project = useProjectRef()
  const alerts = useQuery({
    queryKey: ['alerts', project, 'home'],
    queryFn: () => atoll.alerts.list({ project, state: 'open', limit: 10 }),
  })
  const failed = useQuery({
    queryKey: ['jobs', project, 'failed'],
    queryFn: () => atoll.jobs.list({ project, state: 'failed', limit: 5 }),
  })
  const models = useQuery({ queryKey: ['models', project, 'home'], queryFn: () => atoll.models.list({ project, limit: 50 }) })
  const loops = useQuery({ queryKey: ['loops', project, 'home'], queryFn: () => atoll.loops.list({ project, limit: 50 }) })
  const undecided = loops.data?.items.filter((loop) => loop.lastRun?.state === 'waiting') ?? []
  const weekAgo = Date.now() - 7 * 86_400_000
  const failures = failed.data?.items.filter((job) => Date.parse(job.finishedAt ?? job.createdAt) > weekAgo) ?? []
  const waiting =
    models.data?.items.filter(
      (model) => model.latest?.state === 'registered' && model.latest.goalOutcome?.met && !model.champion,
    ) ?? []
  const pending = alerts.isPending || failed.isPending || models.isPending
  const error = alerts.error ?? failed.error ?? models.error
  const none = !alerts.data?.items.length && failures.length === 0 && waiting.length === 0 && undecided.length === 0
  return (
    <Section title="Needs you">
      {pending ? (
        <SkeletonLines lines={3} />
      ) : error && none ? (
        <ErrorNote error={error} />
      ) : none ? (
        <p className="text-soft">Nothing. Alerts, failed jobs and models that wait for approval show here.</p>
      ) : (
        <ul className="-my-2 divide-y">
          {alerts.data?.items.map((alert) => (
            <li key={alert.id} className="py-2.5">
              <p className="flex items-center gap-2">
                <Badge tone={alert.severity === 'alert' ? 'bad' : 'warn'}>
                  {alert.severity === 'alert' ? 'drift' : 'warning'}
                </Badge>
                <span className="text-xs text-faint">
                  <Ago at={alert.at} />
                </span>
              </p>
              <p className="mt-1">
                <NounLink noun="monitor" to={alert.monitor} search={{ report: alert.report }}>
                  {alert.monitorName}
                </NounLink>
                : {alert.message}
              </p>
              <p className="text-sm text-soft">{alert.recommendation}</p>
            </li>
          ))}
          {undecided.map((loop) => (
            <li key={loop.id} className="py-2.5">
              <p className="mb-1">
                <Badge tone="warn">waits for approval</Badge>
              </p>
              <p>
                <NounLink noun="loop" to={loop.name}>
                  {loop.name}
                </NounLink>
                : {loop.lastRun?.sentence}
              </p>
            </li>
          ))}
          {waiting.map((model) => (
            <li key={model.id} className="py-2.5">
              <p className="mb-1">
                <Badge tone="good">goal met</Badge>
              </p>
              <p>
                <NounLink noun="model" to={model.name}>
                  {model.name}
                </NounLink>{' '}
                v{model.latest?.number} meets its goal and waits for approval.
              </p>
            </li>
          ))}
          {failures.map((job) => (
            <li key={job.id} className="py-2.5">
              <p className="flex items-center gap-2">
                <Badge tone="bad">job failed</Badge>
                <span className="text-xs text-faint">
                  <Ago at={job.finishedAt} />
                </span>
              </p>
              <p className="mt-1">
                <NounLink noun="job" to={job.id}>
                  {job.name}
                </NounLink>
              </p>
              <p className="line-clamp-3 text-sm text-soft">{job.failure?.message}</p>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}
