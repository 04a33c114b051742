import { AtollError } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { Check, NumberField, SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Notice, SkeletonLines } from '../ui/State.tsx'

/** Which version serves under which name, and what of the traffic is kept. */
export function NewEndpointPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const admin = useRefusal('admin')
  const search = useSearch({ strict: false })
  const [modelName, setModelName] = useState(search.model?.split(':')[0] ?? '')
  const [number, setNumber] = useState(search.model?.split(':')[1] ?? '')
  const [name, setName] = useState(search.model?.split(':')[0] ?? '')
  const [share, setShare] = useState<number | null>(1)
  const [keepDays, setKeepDays] = useState<number | null>(90)
  const [hide, setHide] = useState<string[]>([])
  const [thumbnails, setThumbnails] = useState(false)
  const [reason, setReason] = useState('')
  const models = useQuery({ queryKey: ['models', project, 'all'], queryFn: () => atoll.models.list({ project, limit: 200 }) })
  const listed = models.data?.items.find((one) => one.name === modelName)
  // The one that the address names may be beyond the list.
  const named = useQuery({
    queryKey: ['model', project, modelName],
    queryFn: () => atoll.models.get(modelName, { project }),
    enabled: modelName !== '' && models.data !== undefined && !listed,
    retry: false,
  })
  const model = listed ?? (modelName ? named.data : models.data?.items[0])
  const versions = useQuery({
    queryKey: ['model', model?.id, 'versions'],
    queryFn: () => atoll.models.versions(model!.id, { limit: 200 }),
    enabled: model !== undefined,
  })
  const version = versions.data?.items.find((one) => String(one.number) === number) ?? model?.champion ?? model?.latest ?? null
  const create = useMutation({
    mutationFn: () =>
      atoll.endpoints.create({
        project,
        name: name.trim() || model!.name,
        model: version!.id,
        capture: { share: share ?? 1, hide, thumbnails, keepDays: keepDays ?? 90 },
        overrideReason: reason.trim() || null,
      }),
    onSuccess: (endpoint) => {
      changed('endpoints', 'model', 'models', 'projects')
      void navigate({ to: '/p/$project/endpoints/$endpoint', params: { project, endpoint: endpoint.name } })
    },
  })
  const notAllowed = create.error instanceof AtollError && create.error.code === 'precondition_failed'
  return (
    <Page title="Deploy" lead="An endpoint answers rows over HTTP.">
      {models.error ? (
        <ErrorNote error={models.error} retry={() => void models.refetch()} />
      ) : models.isPending ? (
        <SkeletonLines lines={6} />
      ) : models.data.items.length === 0 ? (
        <Empty title="There is no model to deploy" action={<NewLink to="/training/new">Train a model</NewLink>} />
      ) : (
        <form
          className="max-w-3xl space-y-6"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <Section title="What it serves">
            <div className="grid gap-4 sm:grid-cols-2">
              <SelectField
                label="Model"
                value={model?.name ?? ''}
                choices={[...(listed || !model ? [] : [model.name]), ...models.data.items.map((one) => one.name)]}
                onChange={(next) => {
                  setModelName(next)
                  setNumber('')
                  setHide([])
                }}
              />
              <SelectField
                label="Version"
                value={version ? String(version.number) : ''}
                choices={(versions.data?.items ?? (version ? [version] : [])).map((one) => ({
                  value: String(one.number),
                  label: `v${one.number}, ${one.state}${one.goalOutcome ? (one.goalOutcome.met ? ', goal met' : ', goal not met') : ''}`,
                }))}
                onChange={setNumber}
                error={fieldOf(create.error) === 'model' ? sentence(create.error) : null}
              />
              <TextField
                label="Name of the endpoint"
                placeholder={model?.name}
                value={name}
                onChange={(event) => setName(event.target.value)}
                error={fieldOf(create.error) === 'name' ? sentence(create.error) : null}
              />
            </div>
            {version?.goalOutcome && !version.goalOutcome.met && (
              <div className="mt-4">
                <Notice severity="warning">{version.goalOutcome.sentence}</Notice>
              </div>
            )}
          </Section>
          <Section title="What is kept of the traffic" note="Monitors compare it with the training data.">
            <div className="grid gap-4 sm:grid-cols-2">
              <NumberField
                label="Share of requests kept"
                min={0}
                max={1}
                step={0.05}
                value={share}
                onChange={setShare}
                hint="0: none, 1: all"
              />
              <NumberField label="Days kept" min={1} max={3650} step={1} value={keepDays} onChange={setKeepDays} />
            </div>
            {version?.signature.inputs.some(({ tensor }) => tensor === 'image' || tensor === 'audio') && (
              <p className="mt-4 text-sm text-soft">
                Of images and sounds a hash is kept, not the file; loops that are to learn from them need the files (tab Log, what
                is kept).
              </p>
            )}
            {version?.signature.inputs.some(({ tensor }) => tensor === 'image') && (
              <Check
                className="mt-2"
                label="Keep a small picture of each image too"
                checked={thumbnails}
                onChange={setThumbnails}
              />
            )}
            {version && version.signature.inputs.length > 0 && (
              <fieldset className="mt-4">
                <legend className="mb-1 text-sm font-medium text-soft">Columns whose values are not kept</legend>
                <div className="grid max-h-44 gap-x-4 gap-y-1 overflow-auto rounded-md border p-2.5 sm:grid-cols-3">
                  {version.signature.inputs.map((input) => (
                    <Check
                      key={input.name}
                      label={<span className="truncate">{input.name}</span>}
                      checked={hide.includes(input.name)}
                      onChange={(on) => setHide(on ? [...hide, input.name] : hide.filter((one) => one !== input.name))}
                    />
                  ))}
                </div>
              </fieldset>
            )}
          </Section>
          {create.error && !fieldOf(create.error) && <ErrorNote error={create.error} title="It may not be deployed." />}
          {notAllowed && !admin && (
            <TextareaField
              label="Deploy it nevertheless, because"
              hint="At least ten characters. The reason stays with the version and in the audit trail."
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
          <Button look="primary" type="submit" busy={create.isPending} why={refused} disabled={!version}>
            Deploy
          </Button>
        </form>
      )}
    </Page>
  )
}
