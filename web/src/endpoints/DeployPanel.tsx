import type { Endpoint } from '@atoll/sdk'
import { AtollError } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField, SelectField, TextareaField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote, Notice } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'

/** Another version for this endpoint, and how much of its traffic is kept. */
export function DeployPanel({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const admin = useRefusal('admin')
  const [version, setVersion] = useState(endpoint.version)
  const [share, setShare] = useState<number | null>(endpoint.capture.share)
  const [reason, setReason] = useState('')
  const versions = useQuery({
    queryKey: ['model', endpoint.model, 'versions'],
    queryFn: () => atoll.models.versions(endpoint.model, { limit: 200 }),
  })
  const chosen = versions.data?.items.find((one) => one.id === version)
  const save = useMutation({
    mutationFn: () =>
      atoll.endpoints.update(endpoint.id, {
        ...(version !== endpoint.version && { model: version }),
        ...(share !== endpoint.capture.share && { capture: { ...endpoint.capture, share: share ?? 1 } }),
        overrideReason: reason.trim() || null,
      }),
    onSuccess: (now) => {
      changed('endpoint', 'endpoints', 'model', 'models')
      say(`${now.name} serves version ${now.versionNumber}.`)
      onClose()
    },
  })
  const notAllowed = save.error instanceof AtollError && save.error.code === 'precondition_failed'
  return (
    <SidePanel open onClose={onClose} title={`What ${endpoint.name} serves`}>
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <SelectField
          label={`Version of ${endpoint.modelName}`}
          value={version}
          choices={
            versions.data?.items.map((one) => ({
              value: one.id,
              label: `v${one.number}, ${one.state}${one.id === endpoint.version ? ', serving now' : ''}`,
            })) ?? [{ value: endpoint.version, label: `v${endpoint.versionNumber}` }]
          }
          onChange={setVersion}
        />
        {chosen?.goalOutcome && !chosen.goalOutcome.met && <Notice severity="warning">{chosen.goalOutcome.sentence}</Notice>}
        <NumberField label="Share of requests kept" min={0} max={1} step={0.05} value={share} onChange={setShare} />
        {save.error && <ErrorNote error={save.error} />}
        {notAllowed && !admin && (
          <TextareaField
            label="Deploy it nevertheless, because"
            hint="At least ten characters."
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        )}
        <Button look="primary" type="submit" busy={save.isPending}>
          Save
        </Button>
      </form>
    </SidePanel>
  )
}
