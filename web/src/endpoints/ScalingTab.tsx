import type { Endpoint, ScalingFigures } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField } from '../ui/Field.tsx'
import { FormPanel } from '../ui/FormPanel.tsx'
import { bytes, short, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Fact, Facts, Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { HostedModels } from './HostedModels.tsx'

const places = { inline: 'in the server', threads: 'in threads', process: 'in processes of their own', language: 'llama.cpp' }

/** Room: workers, sleep, limits, who asks how much, and models that share the endpoint. */
export function ScalingTab({ endpoint }: { endpoint: Endpoint }) {
  const refused = useRefusal()
  const [editing, setEditing] = useState(false)
  const scaling = useQuery({
    queryKey: ['endpoint', endpoint.id, 'scaling'],
    queryFn: () => atoll.endpoints.scaling(endpoint.id),
    refetchInterval: 2000,
  })
  const { data } = scaling
  if (!data)
    return scaling.error ? <ErrorNote error={scaling.error} retry={() => void scaling.refetch()} /> : <SkeletonLines lines={6} />
  const { policy, coldStarts } = data
  return (
    <div className="space-y-8">
      <Section
        title="Room"
        actions={
          <Button why={refused} onClick={() => setEditing(true)}>
            Change
          </Button>
        }
      >
        <Facts>
          <Fact
            label={policy.maxWorkers === null ? 'Workers' : `Workers, at most ${policy.maxWorkers}`}
            note={data.place ? places[data.place] : data.state}
          >
            <Num>{whole(data.workers)}</Num>
          </Fact>
          <Fact label="Inside now" note={`at most ${whole(policy.maxInFlight)}`}>
            <Num>{whole(data.inFlight)}</Num>
          </Fact>
          <Fact label="Waiting for a worker">
            <Num>{whole(data.waiting)}</Num>
          </Fact>
          <Fact label="Refused for want of room" note={`${whole(data.throttled)} over a caller’s limit`}>
            <Num>{whole(data.rejected)}</Num>
          </Fact>
          <Fact label="Models in memory">
            <Num>{bytes(data.memoryBytes)}</Num>
          </Fact>
          <Fact label="Woken" note={coldStarts.lastMs === null ? undefined : `last in ${short(coldStarts.lastMs, 3)} ms`}>
            <Num>{`${whole(coldStarts.count)} times`}</Num>
          </Fact>
        </Facts>
        <p className="mt-3 text-soft">
          {policy.minWorkers === 0
            ? `It sleeps after ${whole(policy.idleSeconds)} s without a request, and the next one wakes it.`
            : 'It is always loaded.'}{' '}
          An answer may take {short(policy.timeoutSeconds, 3)} s.
          {policy.perCaller.perSecond !== null && ` A caller may ask ${short(policy.perCaller.perSecond, 3)} times a second.`}
          {policy.perCaller.perDay !== null && ` A caller may ask ${whole(policy.perCaller.perDay)} times a day.`}
        </p>
        {data.changes.length > 0 && (
          <details className="mt-2 text-sm text-soft">
            <summary className="cursor-pointer">What came and went</summary>
            <ol className="mt-2 space-y-1">
              {data.changes.map((one) => (
                <li key={`${one.at}${one.text}`}>
                  <Ago at={new Date(one.at).toISOString()} />: {one.text}
                </li>
              ))}
            </ol>
          </details>
        )}
      </Section>
      <HostedModels endpoint={endpoint} />
      <Usage endpoint={endpoint} />
      {editing && <ScalingPanel endpoint={endpoint} policy={policy} onClose={() => setEditing(false)} />}
    </div>
  )
}

function Usage({ endpoint }: { endpoint: Endpoint }) {
  const usage = useQuery({
    queryKey: ['endpoint', endpoint.id, 'usage'],
    queryFn: () => atoll.endpoints.usage(endpoint.id, { days: 30 }),
    refetchInterval: 15_000,
  })
  return (
    <Section title="Who asked, last 30 days">
      {usage.error && <ErrorNote error={usage.error} retry={() => void usage.refetch()} />}
      {usage.data && usage.data.days.length === 0 && <p className="text-soft">Nobody asked yet.</p>}
      {usage.data && usage.data.days.length > 0 && (
        <div className="overflow-x-auto">
          <table className="w-full max-w-2xl text-left">
            <thead className="text-sm text-soft">
              <tr>
                <th className="py-1 pr-4 font-normal">Day</th>
                <th className="pr-4 font-normal">Caller</th>
                <th className="pr-4 text-right font-normal">Requests</th>
                <th className="text-right font-normal">Rows</th>
              </tr>
            </thead>
            <tbody className="divide-y">
              {usage.data.days.slice(0, 60).map((one) => (
                <tr key={`${one.day}${one.caller}`}>
                  <td className="num py-1 pr-4 whitespace-nowrap">{one.day}</td>
                  <td className="pr-4">{one.name}</td>
                  <td className="num pr-4 text-right">{whole(one.requests)}</td>
                  <td className="num text-right">{whole(one.rows)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  )
}

function ScalingPanel({
  endpoint,
  policy,
  onClose,
}: {
  endpoint: Endpoint
  policy: ScalingFigures['policy']
  onClose: () => void
}) {
  const [draft, setDraft] = useState(policy)
  const set = (patch: Partial<typeof policy>) => setDraft((old) => ({ ...old, ...patch }))
  return (
    <FormPanel
      title={`Room of ${endpoint.name}`}
      onClose={onClose}
      save={() => atoll.endpoints.setScaling(endpoint.id, draft)}
      changes={['endpoint', 'endpoints']}
    >
      {(errorFor) => (
        <>
          <NumberField
            label="Workers at least"
            hint="0: it sleeps when nobody asks."
            min={0}
            max={64}
            value={draft.minWorkers}
            onChange={(value) => set({ minWorkers: value ?? 0 })}
            error={errorFor('minWorkers')}
          />
          <NumberField
            label="Workers at most"
            hint="Empty: as many as the machine has cores. Small models run in the server and need none."
            min={1}
            max={64}
            value={draft.maxWorkers}
            onChange={(maxWorkers) => set({ maxWorkers })}
            error={errorFor('maxWorkers')}
          />
          {draft.minWorkers === 0 && (
            <NumberField
              label="Seconds without a request until it sleeps"
              min={1}
              value={draft.idleSeconds}
              onChange={(value) => set({ idleSeconds: value ?? 900 })}
              error={errorFor('idleSeconds')}
            />
          )}
          <NumberField
            label="Another worker when a request waits, ms"
            min={1}
            value={draft.queueMs}
            onChange={(value) => set({ queueMs: value ?? 50 })}
            error={errorFor('queueMs')}
          />
          <NumberField
            label="Requests at once, at most"
            hint="Those beyond get 429 with the time to wait."
            min={1}
            value={draft.maxInFlight}
            onChange={(value) => set({ maxInFlight: value ?? 1024 })}
            error={errorFor('maxInFlight')}
          />
          <NumberField
            label="Seconds for an answer, at most"
            min={0.1}
            max={600}
            step={0.1}
            value={draft.timeoutSeconds}
            onChange={(value) => set({ timeoutSeconds: value ?? 60 })}
            error={errorFor('timeoutSeconds')}
          />
          <NumberField
            label="Memory of one worker, MB"
            hint="Empty: no limit but that of all endpoints together."
            min={64}
            value={draft.memoryMb}
            onChange={(memoryMb) => set({ memoryMb })}
            error={errorFor('memoryMb')}
          />
          <NumberField
            label="Requests a second, each caller"
            min={0}
            step={0.1}
            value={draft.perCaller.perSecond}
            onChange={(perSecond) => set({ perCaller: { ...draft.perCaller, perSecond } })}
            error={errorFor('perCaller.perSecond')}
          />
          <NumberField
            label="Requests a day, each caller"
            min={1}
            value={draft.perCaller.perDay}
            onChange={(perDay) => set({ perCaller: { ...draft.perCaller, perDay } })}
            error={errorFor('perCaller.perDay')}
          />
        </>
      )}
    </FormPanel>
  )
}
