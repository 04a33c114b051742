import type { Endpoint, Traffic } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Check, NumberField, SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { short } from '../ui/format.ts'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote, Notice } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'

interface Draft {
  key: number
  name: string
  model: string
  weight: number | null
  shadow: boolean
}

let nextKey = 0
const stickyChoices = [
  { value: 'none', label: 'by chance' },
  { value: 'caller', label: 'by who asks' },
  { value: 'header', label: 'by a header' },
  { value: 'field', label: 'by a field of the row' },
]

/** All variants besides main, as they should be. */
export function VariantsPanel({ endpoint, traffic, onClose }: { endpoint: Endpoint; traffic: Traffic; onClose: () => void }) {
  const admin = useRefusal('admin')
  const [drafts, setDrafts] = useState<Draft[]>(() => {
    const others = traffic.variants.filter((one) => one.name !== 'main')
    const given = others.map(({ name, version, weight, shadow }) => ({ key: nextKey++, name, model: version, weight, shadow }))
    return given.length > 0 ? given : [{ key: nextKey++, name: 'challenger', model: '', weight: 0, shadow: true }]
  })
  const [by, setBy] = useState<string>(traffic.sticky?.by ?? 'none')
  const [name, setName] = useState(traffic.sticky?.name ?? '')
  const [reason, setReason] = useState('')
  const versions = useQuery({
    queryKey: ['model', endpoint.model, 'versions'],
    queryFn: () => atoll.models.versions(endpoint.model, { limit: 200 }),
  })
  const save = useMutation({
    mutationFn: () =>
      atoll.endpoints.setTraffic(endpoint.id, {
        variants: drafts.map((one) => ({
          name: one.name.trim(),
          model: one.model.trim(),
          weight: one.shadow ? 0 : (one.weight ?? 0),
          shadow: one.shadow,
        })),
        sticky: by === 'none' ? null : { by: by as 'caller' | 'header' | 'field', name: by === 'caller' ? '' : name.trim() },
        overrideReason: reason.trim() || null,
      }),
    onSuccess: () => {
      changed('endpoint', 'endpoints', 'model', 'models')
      say('The shares are set.')
      onClose()
    },
  })
  const change = (key: number, patch: Partial<Draft>) =>
    setDrafts((all) => all.map((one) => (one.key === key ? { ...one, ...patch } : one)))
  const left = 100 - drafts.reduce((sum, one) => sum + (one.shadow ? 0 : (one.weight ?? 0)), 0)
  const choices = [
    { value: '', label: 'choose a version' },
    ...(versions.data?.items ?? []).map((one) => ({
      value: one.id,
      label: `${endpoint.modelName} v${one.number}, ${one.state}`,
    })),
  ]
  const known = new Set(choices.map(({ value }) => value))
  return (
    <SidePanel open onClose={onClose} title={`Variants of ${endpoint.name}`}>
      <form
        className="space-y-5"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        {drafts.map((one) => (
          <fieldset key={one.key} className="space-y-3 rounded-lg border p-3">
            <legend className="px-1 text-sm text-soft">{one.name || 'a variant'}</legend>
            <TextField label="Name" value={one.name} onChange={(event) => change(one.key, { name: event.target.value })} />
            {one.model !== '' && !known.has(one.model) ? (
              <TextField
                label="Model version"
                hint="name:version or its id"
                value={one.model}
                onChange={(event) => change(one.key, { model: event.target.value })}
              />
            ) : (
              <SelectField
                label="Model version"
                value={one.model}
                choices={choices}
                onChange={(model) => change(one.key, { model })}
              />
            )}
            <Check
              label="A shadow"
              hint="It is asked beside what answers, and only the difference is kept."
              checked={one.shadow}
              onChange={(shadow) => change(one.key, { shadow })}
            />
            {!one.shadow && (
              <NumberField
                label="Share of the requests, %"
                min={0}
                max={100}
                step={1}
                value={one.weight}
                onChange={(weight) => change(one.key, { weight })}
              />
            )}
            <Button size="sm" onClick={() => setDrafts((all) => all.filter((other) => other.key !== one.key))}>
              Take it away
            </Button>
          </fieldset>
        ))}
        <div className="flex flex-wrap items-center gap-3">
          <Button
            size="sm"
            why={drafts.length >= 8 ? 'Eight are the most.' : null}
            onClick={() =>
              setDrafts((all) => [
                ...all,
                { key: nextKey++, name: `variant-${all.length + 1}`, model: '', weight: 0, shadow: true },
              ])
            }
          >
            Another variant
          </Button>
          <span className={left < 0 ? 'text-sm text-bad' : 'text-sm text-soft'}>
            {left < 0 ? `${short(-left, 3)} % too much is given away` : `main gets ${short(left, 3)} %`}
          </span>
        </div>
        <SelectField label="A request is assigned" value={by} choices={stickyChoices} onChange={setBy} />
        {(by === 'header' || by === 'field') && (
          <TextField
            label={by === 'header' ? 'Header' : 'Field'}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
        {save.error && <ErrorNote error={save.error} />}
        {save.error && !admin && (
          <TextareaField
            label="Where a goal is not met: nevertheless, because"
            hint="At least ten characters."
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
        {drafts.some((one) => one.model === '') && <Notice severity="info">Choose a version for each variant.</Notice>}
        <Button look="primary" type="submit" busy={save.isPending} why={left < 0 ? 'Main would get less than none.' : null}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
