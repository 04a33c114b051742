import type { CompressionInput, Model, ModelVersion } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Check, NumberField, Segmented, SelectField, TextField } from '../ui/Field.tsx'
import { sayError } from '../ui/toast.tsx'

type Method = CompressionInput['method']

const methods: { value: Method; label: string; about: string }[] = [
  {
    value: 'quantise',
    label: 'Quantise',
    about: 'The same network with its numbers in fewer bits. Seconds; nothing is learnt anew.',
  },
  {
    value: 'distil',
    label: 'Distil',
    about: 'A smaller model learns what this version answers to the training rows, beside the true labels.',
  },
  { value: 'prune', label: 'Prune', about: 'Channels or weights that matter least go; what is left is fine-tuned.' },
  { value: 'trim', label: 'Trim', about: 'Columns that matter least go, as long as validation stays within chance of the best.' },
]

const schemes = [
  { value: 'int8_static', label: '8-bit integers, scaled by training rows' },
  { value: 'int8_dynamic', label: '8-bit integers, scaled row by row' },
  { value: 'int8_weights', label: '8-bit weights' },
  { value: 'float16', label: '16-bit weights' },
]

/** Asks for a smaller version. */
export function ShrinkForm({
  model,
  version,
  onStarted,
}: {
  model: Model
  version: ModelVersion
  onStarted: (job: string) => void
}) {
  const refused = useRefusal()
  const [input, setInput] = useState<CompressionInput>({ method: 'quantise' })
  const set = (more: Partial<CompressionInput>) => setInput((old) => ({ ...old, ...more }))
  const start = useMutation({
    mutationFn: () => atoll.models.compress(model.id, version.number, input),
    onSuccess: ({ job }) => {
      changed('jobs')
      onStarted(job.id)
    },
    onError: sayError,
  })
  const chosen = methods.find(({ value }) => value === input.method)!
  const submit = (event: FormEvent) => {
    event.preventDefault()
    start.mutate()
  }
  return (
    <form onSubmit={submit} className="space-y-4">
      <Segmented
        label="Method"
        value={input.method}
        choices={methods.map(({ value, label }) => ({ value, label }))}
        onChange={(method) => setInput({ method })}
      />
      <p className="text-soft">{chosen.about}</p>
      {input.method === 'quantise' && (
        <SelectField
          wrap="max-w-80"
          label="Scheme"
          value={input.scheme ?? 'int8_static'}
          choices={schemes}
          onChange={(scheme) => set({ scheme: scheme as CompressionInput['scheme'] })}
        />
      )}
      {input.method === 'distil' && (
        <div className="grid gap-3 sm:grid-cols-3">
          <TextField
            label="Student"
            hint="Names of algorithms, with commas; smaller by itself when empty."
            onChange={({ target }) =>
              set({
                algorithms: target.value
                  .split(',')
                  .map((name) => name.trim())
                  .filter(Boolean),
              })
            }
          />
          <NumberField
            label="Temperature"
            hint="The larger, the more the unlikely classes teach."
            min={0.1}
            max={100}
            value={input.temperature ?? 2}
            onChange={(temperature) => set({ temperature: temperature ?? undefined })}
          />
          <NumberField
            label="Share of true labels"
            min={0}
            max={1}
            value={input.alpha ?? 0.3}
            onChange={(alpha) => set({ alpha: alpha ?? undefined })}
          />
        </div>
      )}
      {input.method === 'prune' && (
        <div className="grid items-start gap-3 sm:grid-cols-2">
          <NumberField
            label="Share that goes"
            min={0.05}
            max={0.95}
            value={input.sparsity ?? 0.5}
            onChange={(sparsity) => set({ sparsity: sparsity ?? undefined })}
          />
          <Check
            label="Whole channels"
            hint="Single weights leave the graph as large and as slow as it was."
            checked={input.structured ?? true}
            onChange={(structured) => set({ structured })}
          />
        </div>
      )}
      {input.method === 'trim' && (
        <NumberField
          wrap="max-w-80"
          label="Standard errors"
          hint="How far below the best the metric may fall in validation."
          min={0}
          max={5}
          value={input.standardErrors ?? 1}
          onChange={(standardErrors) => set({ standardErrors: standardErrors ?? undefined })}
        />
      )}
      <Button type="submit" look="primary" why={refused} busy={start.isPending}>
        Make it
      </Button>
    </form>
  )
}
