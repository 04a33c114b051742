import type { Weights } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Copyable } from '../ui/CopyButton.tsx'
import { bytes } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** One set of weights: its files, what was left out, where it is from. */
export function WeightsPanel({ weights, onClose }: { weights: Weights; onClose: () => void }) {
  const refused = useRefusal()
  const project = useProjectRef()
  const navigate = useNavigate()
  const remove = useMutation({
    mutationFn: () => atoll.weights.delete(weights.id),
    onSuccess: () => {
      changed('weights')
      onClose()
    },
  })
  const register = useMutation({
    mutationFn: () => atoll.weights.register(weights.id),
    onSuccess: (version) => {
      changed('models')
      void navigate({ to: '/p/$project/models/$model', params: { project, model: version.modelName }, search: { tab: 'card' } })
    },
  })
  return (
    <SidePanel open onClose={onClose} title={weights.name}>
      <div className="space-y-4">
        <p>
          Licence: {weights.licence || 'not stated'}. From: {weights.origin || 'not stated'}. Added by {weights.ownerName}.
        </p>
        {weights.provenance && (
          <p className="text-soft">
            Fetched <Ago at={weights.provenance.fetchedAt} /> from {weights.provenance.repository}, {weights.provenance.revision},
            which was the commit <Copyable text={weights.provenance.commit} shown={weights.provenance.commit.slice(0, 12)} />.
          </p>
        )}
        {weights.job && weights.state !== 'ready' && (
          <p>
            <NounLink noun="job" to={weights.job}>
              {weights.state === 'failed' ? 'They could not be imported: see why' : 'Being imported'}
            </NounLink>
          </p>
        )}
        <ul className="space-y-1">
          {weights.files.map((file) => (
            <li key={file.path} className="flex flex-wrap justify-between gap-x-4">
              <span className="break-all">{file.path}</span>
              <span className="num text-soft">
                {file.sandboxOnly && 'opened in a sandbox only · '}
                {file.madeFrom && 'made in a sandbox · '}
                {bytes(file.sizeBytes)}
              </span>
            </li>
          ))}
        </ul>
        {weights.notes.length > 0 && (
          <ul className="list-disc space-y-0.5 pl-5 text-sm text-soft">
            {weights.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
        {register.error && <ErrorNote error={register.error} />}
        {remove.error && <ErrorNote error={remove.error} />}
        {weights.state === 'ready' && weights.files.some(({ path }) => path.endsWith('.gguf')) && (
          <div>
            <p className="mb-2 text-sm text-soft">As a version of a model it can be deployed as it is, to write and to answer.</p>
            <Button look="primary" why={refused} busy={register.isPending} onClick={() => register.mutate()}>
              Register as a model
            </Button>
          </div>
        )}
        <Button why={refused} busy={remove.isPending} onClick={() => remove.mutate()}>
          Delete
        </Button>
      </div>
    </SidePanel>
  )
}
