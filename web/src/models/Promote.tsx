import type { Model, ModelVersion, Promotion } from '@atoll/sdk'
import { AtollError } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { ChevronDown } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { TextareaField } from '../ui/Field.tsx'
import { Menu, MenuItem } from '../ui/Menu.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { say, sayError } from '../ui/toast.tsx'

const moves: Record<ModelVersion['state'], Promotion['to'][]> = {
  registered: ['approved', 'deprecated', 'archived'],
  approved: ['registered', 'deprecated', 'archived'],
  deployed: ['deprecated'],
  deprecated: ['registered', 'approved', 'archived'],
  archived: ['registered'],
}
const words: Record<Promotion['to'], string> = {
  approved: 'Approve',
  registered: 'Back to registered',
  deprecated: 'Deprecate',
  archived: 'Archive',
}

/** Moves a version through its states. A refusal says why; an admin may override it with a written reason. */
export function Promote({ model, version }: { model: Model; version: ModelVersion }) {
  const refused = useRefusal('admin')
  const [refusal, setRefusal] = useState<AtollError | null>(null)
  const promote = useMutation({
    mutationFn: (promotion: Promotion) => atoll.models.promote(model.id, version.number, promotion),
    onSuccess: (now) => {
      changed('model', 'models', 'goal')
      setRefusal(null)
      say(`Version ${now.number} is ${now.state}.`)
    },
    onError: (error, promotion) => {
      if (
        promotion.to === 'approved' &&
        error instanceof AtollError &&
        error.code === 'precondition_failed' &&
        !promotion.overrideReason
      )
        setRefusal(error)
      else if (!promotion.overrideReason) sayError(error)
    },
  })
  return (
    <>
      <Menu
        label="Change the state"
        trigger={
          <Button why={refused} busy={promote.isPending}>
            {version.state === 'registered' ? 'Promote' : 'State'} <ChevronDown aria-hidden="true" className="size-3.5" />
          </Button>
        }
      >
        {moves[version.state].map((to) => (
          <MenuItem key={to} onSelect={() => promote.mutate({ to })}>
            {words[to]}
          </MenuItem>
        ))}
      </Menu>
      {refusal && (
        <Override
          refusal={refusal}
          version={version}
          error={promote.error === refusal ? null : promote.error}
          busy={promote.isPending}
          onClose={() => setRefusal(null)}
          onOverride={(overrideReason) => promote.mutate({ to: 'approved', overrideReason })}
        />
      )}
    </>
  )
}

function Override({
  refusal,
  version,
  error,
  busy,
  onClose,
  onOverride,
}: {
  refusal: AtollError
  version: ModelVersion
  error: Error | null
  busy: boolean
  onClose: () => void
  onOverride: (reason: string) => void
}) {
  const [reason, setReason] = useState('')
  const reasons = Array.isArray(refusal.facts.reasons) ? refusal.facts.reasons.map(String) : [refusal.message]
  return (
    <SidePanel open onClose={onClose} title="Promotion is refused">
      <p className="mb-2 font-medium">
        {version.modelName} version {version.number} may not be approved:
      </p>
      <ul className="mb-6 list-disc space-y-1 pl-5">
        {reasons.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <form
        className="space-y-3 border-t pt-4"
        onSubmit={(event) => {
          event.preventDefault()
          onOverride(reason.trim())
        }}
      >
        <TextareaField
          label="Promote it nevertheless, because"
          hint="At least ten characters. Your name and the reason stay with the version, on its card and in the audit trail."
          rows={4}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
        {error && <ErrorNote error={error} />}
        <Button type="submit" look="danger" busy={busy} disabled={reason.trim().length < 10}>
          Override the refusal
        </Button>
      </form>
    </SidePanel>
  )
}
