import type { Endpoint, Rollout, Traffic } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { short, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { say, sayError } from '../ui/toast.tsx'
import { RolloutPanel } from './RolloutPanel.tsx'
import { ShadowDifferences } from './ShadowDifferences.tsx'
import { VariantsPanel } from './VariantsPanel.tsx'

/** Which versions answer whom: shares, shadows, and what is being rolled out. */
export function TrafficTab({ endpoint }: { endpoint: Endpoint }) {
  const refused = useRefusal()
  const [editing, setEditing] = useState(false)
  const [rolling, setRolling] = useState<string | null>(null)
  const traffic = useQuery({
    queryKey: ['endpoint', endpoint.id, 'traffic'],
    queryFn: () => atoll.endpoints.traffic(endpoint.id),
    refetchInterval: 3000,
  })
  const promote = useMutation({
    mutationFn: (variant: string) => atoll.endpoints.promote(endpoint.id, { variant }),
    onSuccess: ({ variants }) => {
      changed('endpoint', 'endpoints', 'model', 'models')
      say(`${endpoint.name} serves version ${variants[0]!.versionNumber}.`)
    },
    onError: sayError,
  })
  const { data } = traffic
  if (!data)
    return traffic.error ? <ErrorNote error={traffic.error} retry={() => void traffic.refetch()} /> : <SkeletonLines lines={6} />
  const running = data.rollout?.state === 'running'
  const why = refused ?? (running ? 'A rollout sets the shares.' : null)
  return (
    <div className="space-y-8">
      {data.rollout && <RolloutNote endpoint={endpoint} rollout={data.rollout} />}
      <Section
        title="Variants"
        actions={
          <Button why={why} onClick={() => setEditing(true)}>
            {data.variants.length === 1 ? 'Add a variant' : 'Change shares'}
          </Button>
        }
      >
        <Shares traffic={data} />
        <div className="relative overflow-x-auto">
          <table className="w-full text-left">
            <thead className="text-sm text-soft">
              <tr>
                <th className="py-1 pr-4 font-normal">Variant</th>
                <th className="pr-4 font-normal">Version</th>
                <th className="pr-4 text-right font-normal">Share</th>
                <th className="pr-4 text-right font-normal">Requests, 1 h</th>
                <th className="pr-4 text-right font-normal">Errors</th>
                <th className="pr-4 text-right font-normal">p95</th>
                <th className="font-normal">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody className="divide-y">
              {data.variants.map((one) => (
                <tr key={one.name}>
                  <td className="py-2 pr-4 whitespace-nowrap">
                    <Swatch of={one.name} traffic={data} />
                    {one.name} {one.state === 'failed' && <Badge tone="bad">failed</Badge>}
                    {one.breaker !== 'closed' && <Badge tone="warn">resting</Badge>}
                    {one.message && <span className="block text-sm text-bad">{one.message}</span>}
                  </td>
                  <td className="pr-4 whitespace-nowrap">
                    <NounLink noun="model" to={one.model} search={{ version: String(one.versionNumber) }}>
                      {one.modelName}
                    </NounLink>{' '}
                    <span className="num">v{one.versionNumber}</span>
                  </td>
                  <td className="num pr-4 text-right whitespace-nowrap">{one.shadow ? 'shadow' : `${short(one.weight, 3)} %`}</td>
                  <td className="num pr-4 text-right">{whole(one.live.requests)}</td>
                  <td className="num pr-4 text-right">{whole(one.live.errors)}</td>
                  <td className="num pr-4 text-right whitespace-nowrap">
                    {one.live.latencyMs ? `${short(one.live.latencyMs.p95, 3)} ms` : '–'}
                  </td>
                  <td className="py-1 text-right whitespace-nowrap">
                    {one.name !== 'main' && (
                      <span className="inline-flex gap-2">
                        {!one.shadow && one.name !== 'previous' && (
                          <Button size="sm" why={why} onClick={() => setRolling(one.name)}>
                            Roll out
                          </Button>
                        )}
                        <Button size="sm" why={why} busy={promote.isPending} onClick={() => promote.mutate(one.name)}>
                          {one.name === 'previous' ? 'Back to it' : 'Make it main'}
                        </Button>
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p className="mt-3 text-sm text-soft">
          {data.sticky
            ? `Whoever has the same ${data.sticky.by === 'caller' ? 'account' : `${data.sticky.by} “${data.sticky.name}”`} gets the same variant.`
            : data.variants.some((one) => one.name !== 'main' && one.weight > 0)
              ? 'Each request is assigned by chance.'
              : null}{' '}
          The header <code>x-atoll-variant: NAME</code> pins a request.
        </p>
      </Section>
      {data.variants.some((one) => one.shadow) && <ShadowDifferences endpoint={endpoint} />}
      {editing && <VariantsPanel endpoint={endpoint} traffic={data} onClose={() => setEditing(false)} />}
      {rolling && <RolloutPanel endpoint={endpoint} variant={rolling} onClose={() => setRolling(null)} />}
    </div>
  )
}

const tones = ['bg-s1', 'bg-s2', 'bg-s3', 'bg-s4', 'bg-s5', 'bg-s6']

const answeringOf = (traffic: Traffic) => traffic.variants.filter((one) => one.weight > 0)
const toneOf = (at: number) => tones[at % tones.length]

/** The colour of a variant in the bar of shares. */
function Swatch({ of, traffic }: { of: string; traffic: Traffic }) {
  const answering = answeringOf(traffic)
  const at = answering.findIndex(({ name }) => name === of)
  if (answering.length < 2) return null
  return <span aria-hidden="true" className={`mr-2 inline-block size-2 rounded-full ${at < 0 ? '' : toneOf(at)}`} />
}

/** The shares as one bar. */
function Shares({ traffic }: { traffic: Traffic }) {
  const answering = answeringOf(traffic)
  if (answering.length < 2) return null
  const said = answering.map((one) => `${one.name} ${short(one.weight, 3)} %`).join(', ')
  return (
    <div role="img" aria-label={`Shares: ${said}`} className="mb-4 flex h-2 gap-px overflow-hidden rounded-full">
      {answering.map((one, i) => (
        <div
          key={one.name}
          className={toneOf(i)}
          style={{ width: `${one.weight}%` }}
          title={`${one.name}: ${short(one.weight, 3)} %`}
        />
      ))}
    </div>
  )
}

function RolloutNote({ endpoint, rollout }: { endpoint: Endpoint; rollout: Rollout }) {
  const refused = useRefusal()
  const end = useMutation({
    mutationFn: (how: 'complete' | 'roll_back') => atoll.endpoints.endRollout(endpoint.id, { how }),
    onSuccess: () => changed('endpoint', 'endpoints', 'model', 'models'),
    onError: sayError,
  })
  const { state, variant, step, steps, stepSince, reason, endedAt, log } = rollout
  return (
    <div className="space-y-2">
      <Notice
        severity={state === 'rolled_back' ? 'warning' : 'info'}
        word={state === 'running' ? 'Rolling out' : state === 'completed' ? 'Rolled out' : 'Rolled back'}
        action={
          state === 'running' ? (
            <span className="inline-flex gap-2">
              <Button size="sm" why={refused} busy={end.isPending} onClick={() => end.mutate('roll_back')}>
                Roll back
              </Button>
              <Button size="sm" why={refused} busy={end.isPending} onClick={() => end.mutate('complete')}>
                Complete now
              </Button>
            </span>
          ) : undefined
        }
      >
        {state === 'running' ? (
          <>
            {variant} (version {rollout.versionNumber}): step {step + 1} of {steps.length}, {steps[step]!.weight} % since{' '}
            <Ago at={stepSince} />.
          </>
        ) : (
          <>
            {variant} (version {rollout.versionNumber}), {endedAt && <Ago at={endedAt} />}: {reason}.
          </>
        )}
      </Notice>
      <details className="text-sm text-soft">
        <summary className="cursor-pointer">What happened</summary>
        <ol className="mt-2 space-y-1">
          {log.map((one) => (
            <li key={`${one.at}${one.text}`}>
              <Ago at={one.at} />: {one.text}
            </li>
          ))}
        </ol>
      </details>
    </div>
  )
}
