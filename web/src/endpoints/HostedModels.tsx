import type { Endpoint } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField, TextareaField } from '../ui/Field.tsx'
import { short, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'

/** Models that share an endpoint: asked by name, loaded when they are asked. */
export function HostedModels({ endpoint }: { endpoint: Endpoint }) {
  const refused = useRefusal()
  const [editing, setEditing] = useState(false)
  const hosted = useQuery({
    queryKey: ['endpoint', endpoint.id, 'models'],
    queryFn: () => atoll.endpoints.hostedModels(endpoint.id),
    refetchInterval: 5000,
  })
  const { data } = hosted
  return (
    <Section
      title="Other models behind this name"
      actions={
        <Button why={refused} onClick={() => setEditing(true)}>
          {data?.models.length ? 'Change' : 'Add models'}
        </Button>
      }
    >
      {hosted.error && <ErrorNote error={hosted.error} retry={() => void hosted.refetch()} />}
      {data && data.models.length === 0 && (
        <p className="text-soft">None. Many small models may share this endpoint and its memory; a request names one.</p>
      )}
      {data && data.models.length > 0 && (
        <>
          <div className="overflow-x-auto">
            <table className="w-full text-left">
              <thead className="text-sm text-soft">
                <tr>
                  <th className="py-1 pr-4 font-normal">Name</th>
                  <th className="pr-4 font-normal">Version</th>
                  <th className="pr-4 font-normal">State</th>
                  <th className="pr-4 text-right font-normal">Requests</th>
                  <th className="pr-4 text-right font-normal">Errors</th>
                  <th className="text-right font-normal">Time to load</th>
                </tr>
              </thead>
              <tbody className="divide-y">
                {data.models.map((one) => (
                  <tr key={one.name}>
                    <td className="py-1 pr-4">{one.name}</td>
                    <td className="pr-4 whitespace-nowrap">
                      <NounLink noun="model" to={one.model} search={{ version: String(one.versionNumber) }}>
                        {one.modelName}
                      </NounLink>{' '}
                      <span className="num">v{one.versionNumber}</span>
                    </td>
                    <td className="pr-4">
                      {one.message ? <span className="text-bad">{one.message}</span> : one.loaded ? 'loaded' : 'asleep'}
                    </td>
                    <td className="num pr-4 text-right">{whole(one.requests)}</td>
                    <td className="num pr-4 text-right">{whole(one.errors)}</td>
                    <td className="num text-right whitespace-nowrap">
                      {one.lastMs === null ? '–' : `${short(one.lastMs, 3)} ms`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p className="mt-2 text-sm text-soft">
            At most {whole(data.maxLoaded)} are loaded at once. Ask one with the header <code>x-atoll-model: NAME</code>.
          </p>
        </>
      )}
      {editing && data && (
        <ModelsPanel
          endpoint={endpoint}
          lines={data.models.map((one) => `${one.name} = ${one.modelName}:${one.versionNumber}`).join('\n')}
          most={data.maxLoaded}
          onClose={() => setEditing(false)}
        />
      )}
    </Section>
  )
}

function ModelsPanel(props: { endpoint: Endpoint; lines: string; most: number; onClose: () => void }) {
  const { endpoint, onClose } = props
  const [lines, setLines] = useState(props.lines)
  const [most, setMost] = useState<number | null>(props.most)
  const save = useMutation({
    mutationFn: () =>
      atoll.endpoints.setHostedModels(endpoint.id, {
        models: lines
          .split('\n')
          .filter((line) => line.trim())
          .map((line) => {
            const [name = '', model = ''] = line.split('=').map((part) => part.trim())
            return { name, model }
          }),
        maxLoaded: most ?? 16,
      }),
    onSuccess: () => {
      changed('endpoint', 'endpoints')
      say('Saved.')
      onClose()
    },
  })
  return (
    <SidePanel open onClose={onClose} title={`Other models behind ${endpoint.name}`}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <TextareaField
          label="Models"
          hint="One a line: name = model:version"
          rows={10}
          value={lines}
          onChange={(event) => setLines(event.target.value)}
        />
        <NumberField label="Loaded at once, at most" min={1} max={1000} value={most} onChange={setMost} />
        {save.error && <ErrorNote error={save.error} />}
        <Button look="primary" type="submit" busy={save.isPending}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
