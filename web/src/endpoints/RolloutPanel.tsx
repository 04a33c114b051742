import type { Endpoint } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'

const usual = [
  { weight: 5, minutes: 10 },
  { weight: 25, minutes: 10 },
  { weight: 50, minutes: 10 },
]

/** Steps and guard of a rollout. */
export function RolloutPanel({ endpoint, variant, onClose }: { endpoint: Endpoint; variant: string; onClose: () => void }) {
  const [steps, setSteps] = useState<{ weight: number | null; minutes: number | null }[]>(usual)
  const [errors, setErrors] = useState<number | null>(2)
  const [latency, setLatency] = useState<number | null>(2)
  const [requests, setRequests] = useState<number | null>(50)
  const start = useMutation({
    mutationFn: () =>
      atoll.endpoints.startRollout(endpoint.id, {
        variant,
        steps: steps.map(({ weight, minutes }) => ({ weight: weight ?? 0, minutes: minutes ?? 0 })),
        guard: { maxErrorRate: (errors ?? 2) / 100, maxLatencyFactor: latency ?? 2, minimumRequests: requests ?? 0 },
      }),
    onSuccess: () => {
      changed('endpoint', 'endpoints')
      say(`${variant} is being rolled out.`)
      onClose()
    },
  })
  const set = (at: number, patch: object) => setSteps((all) => all.map((one, i) => (i === at ? { ...one, ...patch } : one)))
  return (
    <SidePanel open onClose={onClose} title={`Roll out ${variant}`}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          start.mutate()
        }}
      >
        <p className="text-soft">After the last step it becomes main. It goes back to nothing as soon as the guard says so.</p>
        {steps.map((one, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place
          <div key={at} className="grid grid-cols-2 gap-3">
            <NumberField
              label={`Step ${at + 1}: share, %`}
              min={0}
              max={100}
              value={one.weight}
              onChange={(weight) => set(at, { weight })}
            />
            <NumberField label="for minutes" min={0} value={one.minutes} onChange={(minutes) => set(at, { minutes })} />
          </div>
        ))}
        <div className="flex gap-2">
          <Button size="sm" onClick={() => setSteps((all) => [...all, { weight: 75, minutes: 10 }])}>
            Another step
          </Button>
          {steps.length > 1 && (
            <Button size="sm" onClick={() => setSteps((all) => all.slice(0, -1))}>
              One step fewer
            </Button>
          )}
        </div>
        <NumberField label="More errors than main, at most %" min={0} max={100} step={0.5} value={errors} onChange={setErrors} />
        <NumberField label="p95 against main’s, at most times" min={1} step={0.1} value={latency} onChange={setLatency} />
        <NumberField label="Requests before a step ends, at least" min={0} value={requests} onChange={setRequests} />
        {start.error && <ErrorNote error={start.error} />}
        <Button look="primary" type="submit" busy={start.isPending}>
          Start
        </Button>
      </form>
    </SidePanel>
  )
}
