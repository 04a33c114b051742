import type { Endpoint } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../../api.ts'
import { Button } from '../../ui/Button.tsx'
import { Check, NumberField, TextField } from '../../ui/Field.tsx'
import { SidePanel } from '../../ui/SidePanel.tsx'
import { ErrorNote } from '../../ui/State.tsx'
import { say } from '../../ui/toast.tsx'

type Way = 'keep' | 'hash' | 'hide'

/** What is kept of requests, for how long, and by what truth will be told. */
export function PolicyPanel({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { signature, capture } = endpoint
  const [share, setShare] = useState<number | null>(capture.share)
  const [keepDays, setKeepDays] = useState<number | null>(capture.keepDays)
  const [key, setKey] = useState(capture.key ?? '')
  const [hashesKey, setHashesKey] = useState(capture.key !== null && capture.hash.includes(capture.key))
  const [thumbnails, setThumbnails] = useState(capture.thumbnails)
  const [filesMegabytes, setFilesMegabytes] = useState<number | null>(capture.filesMegabytes ?? 0)
  const [ways, setWays] = useState<Record<string, Way>>(() =>
    Object.fromEntries(
      signature.inputs.map(({ name }) => [
        name,
        capture.hide.includes(name) ? 'hide' : capture.hash.includes(name) ? 'hash' : 'keep',
      ]),
    ),
  )
  const names = signature.inputs.map(({ name }) => name)
  const isBeside = key !== '' && !names.includes(key)
  const save = useMutation({
    mutationFn: () =>
      atoll.endpoints.update(endpoint.id, {
        capture: {
          share: share ?? 1,
          keepDays: keepDays ?? 90,
          key: key === '' ? null : key,
          thumbnails,
          filesMegabytes: filesMegabytes ?? 0,
          hide: names.filter((name) => ways[name] === 'hide'),
          hash: [...names.filter((name) => ways[name] === 'hash'), ...(isBeside && hashesKey ? [key] : [])],
        },
      }),
    onSuccess: () => {
      changed('endpoint', 'endpoints', 'captures')
      say('What is kept from now on was changed.')
      onClose()
    },
  })
  return (
    <SidePanel open onClose={onClose} title="What is kept of requests">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <div className="grid grid-cols-2 gap-3">
          <NumberField label="Share of requests" min={0} max={1} step={0.05} value={share} onChange={setShare} />
          <NumberField label="Days" min={1} max={3650} step={1} value={keepDays} onChange={setKeepDays} />
        </div>
        <TextField
          label="Key"
          hint="An input, or a further field of each row that the model is not given, by which truth is told later."
          value={key}
          onChange={({ target }) => setKey(target.value.trim())}
        />
        {isBeside && <Check label="Keep only a hash of the key" checked={hashesKey} onChange={setHashesKey} />}
        {signature.inputs.some(({ type }) => type === 'image') && (
          <Check label="Keep small pictures of images" checked={thumbnails} onChange={setThumbnails} />
        )}
        {signature.inputs.some(({ type }) => type === 'image' || type === 'audio') && (
          <NumberField
            label="Megabytes of images and sounds kept"
            hint="The newest of so much, as long as requests are kept: loops learn from them. 0: only their hashes."
            min={0}
            max={1_000_000}
            step={100}
            value={filesMegabytes}
            onChange={setFilesMegabytes}
          />
        )}
        <fieldset>
          <legend className="mb-1 text-sm font-medium text-soft">Inputs</legend>
          <ul className="divide-y rounded-lg border">
            {signature.inputs.map(({ name, type }) => (
              <li key={name} className="flex items-center justify-between gap-3 px-3 py-1.5">
                <span className="min-w-0 truncate">{name}</span>
                <select
                  aria-label={`What is kept of ${name}`}
                  className="field h-7 w-auto py-0 pr-7 text-sm"
                  value={ways[name]}
                  onChange={({ target }) => setWays({ ...ways, [name]: target.value as Way })}
                >
                  <option value="keep">kept</option>
                  {type !== 'image' && type !== 'audio' && <option value="hash">hash only</option>}
                  <option value="hide">not kept</option>
                </select>
              </li>
            ))}
          </ul>
          <p className="mt-1 text-xs text-faint">
            Equal values have equal hashes, under a key of this project that nobody is given. What was kept before stays as it is.
          </p>
        </fieldset>
        {save.error && <ErrorNote error={save.error} />}
        <Button look="primary" type="submit" busy={save.isPending}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
