import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, complaintOf } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { SelectField, TextField } from '../ui/Field.tsx'
import { FormRefusal } from '../ui/FormRefusal.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { Page, Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { LoopForm, type LoopSettings } from './LoopForm.tsx'

export function NewLoopPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const search = useSearch({ strict: false })
  const [chosen, setChosen] = useState(search.endpoint ?? '')
  const [goal, setGoal] = useState('')
  const [name, setName] = useState('')
  const [settings, setSettings] = useState<LoopSettings>({})
  const endpoints = useQuery({
    queryKey: ['endpoints', project, 'all'],
    queryFn: () => atoll.endpoints.list({ project, limit: 200 }),
  })
  const goals = useQuery({ queryKey: ['goals', project, 'all'], queryFn: () => atoll.goals.list({ project, limit: 200 }) })
  const items = endpoints.data?.items ?? []
  const endpoint = items.find((one) => one.name === chosen || one.id === chosen) ?? items[0]
  const create = useMutation({
    mutationFn: () =>
      atoll.loops.create({
        project,
        endpoint: endpoint!.id,
        ...settings,
        ...(goal && { goal }),
        ...(name.trim() && { name: name.trim() }),
      }),
    onSuccess: (loop) => {
      changed('loops')
      void navigate({ to: '/p/$project/loops/$loop', params: { project, loop: loop.name } })
    },
  })
  const errorFor = (field: string) => complaintOf(create.error, field)
  return (
    <Page title="New loop" lead="An endpoint that retrains when the world moves, and exchanges its model only with evidence.">
      {endpoints.error ? (
        <ErrorNote error={endpoints.error} retry={() => void endpoints.refetch()} />
      ) : endpoints.isPending ? (
        <SkeletonLines lines={6} />
      ) : !endpoint ? (
        <Empty title="There is no endpoint to look after" action={<NewLink to="/endpoints/new">Deploy a model</NewLink>} />
      ) : (
        <form
          className="max-w-3xl space-y-6"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <Section title="What it looks after">
            <div className="grid gap-4 sm:grid-cols-2">
              <SelectField
                label="Endpoint"
                value={endpoint.name}
                choices={items.map((one) => one.name)}
                onChange={setChosen}
                error={errorFor('endpoint')}
              />
              <SelectField
                label="Goal"
                value={goal}
                choices={[
                  { value: '', label: 'that of the served version' },
                  ...(goals.data?.items ?? []).map((one) => ({ value: one.id, label: one.name })),
                ]}
                onChange={setGoal}
                error={errorFor('goal')}
              />
              <TextField
                label="Name"
                placeholder={`${endpoint.name} loop`}
                value={name}
                onChange={(event) => setName(event.target.value)}
                error={errorFor('name')}
              />
            </div>
          </Section>
          <LoopForm value={settings} onChange={setSettings} errorFor={errorFor} />
          <FormRefusal error={create.error} errorFor={errorFor} />
          <Button look="primary" type="submit" why={refused} busy={create.isPending}>
            Begin
          </Button>
        </form>
      )}
    </Page>
  )
}
