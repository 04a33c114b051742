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
import { usualKinds, withKind } from './checks.ts'
import { MonitorForm, type MonitorSettings } from './MonitorForm.tsx'

export function NewMonitorPage() {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const search = useSearch({ strict: false })
  const [chosen, setChosen] = useState(search.endpoint ?? '')
  const [name, setName] = useState('')
  const [settings, setSettings] = useState<MonitorSettings>({ schedule: '0 6 * * *' })
  /** The endpoint whose usual checks the form shows, while nobody chose others. */
  const [picked, setPicked] = useState(false)
  const endpoints = useQuery({
    queryKey: ['endpoints', project, 'all'],
    queryFn: () => atoll.endpoints.list({ project, limit: 200 }),
  })
  const listed = endpoints.data?.items.find((one) => one.name === chosen || one.id === chosen)
  // The one that the address names may be beyond the list.
  const named = useQuery({
    queryKey: ['endpoint', project, chosen],
    queryFn: () => atoll.endpoints.get(chosen, { project }),
    enabled: chosen !== '' && endpoints.data !== undefined && !listed,
    retry: false,
  })
  const endpoint = listed ?? (chosen && !named.error ? named.data : endpoints.data?.items[0])
  const usual = endpoint ? usualKinds(endpoint).map((kind) => withKind([], kind)) : []
  const shown: MonitorSettings = picked ? settings : { ...settings, checks: usual }
  const create = useMutation({
    mutationFn: () =>
      atoll.monitors.create({ project, endpoint: endpoint!.id, ...shown, ...(name.trim() && { name: name.trim() }) }),
    onSuccess: (monitor) => {
      changed('monitors')
      void navigate({ to: '/p/$project/monitors/$monitor', params: { project, monitor: monitor.name } })
    },
  })
  const errorFor = (field: string) => complaintOf(create.error, field)
  return (
    <Page title="Watch an endpoint" lead="What comes in, and what turns out, is compared with what the model learned from.">
      {endpoints.error ? (
        <ErrorNote error={endpoints.error} retry={() => void endpoints.refetch()} />
      ) : endpoints.isPending || named.isLoading ? (
        <SkeletonLines lines={6} />
      ) : !endpoint ? (
        <Empty title="There is no endpoint to watch" action={<NewLink to="/endpoints/new">Deploy a model</NewLink>} />
      ) : (
        <form
          className="max-w-3xl space-y-6"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <Section title="What is watched">
            <div className="grid gap-4 sm:grid-cols-2">
              <SelectField
                label="Endpoint"
                value={endpoint.name}
                choices={[...(listed ? [] : [endpoint.name]), ...endpoints.data.items.map((one) => one.name)].filter(
                  (one, at, all) => all.indexOf(one) === at,
                )}
                onChange={(next) => {
                  setChosen(next)
                  setPicked(false)
                }}
                error={errorFor('endpoint')}
              />
              <TextField
                label="Name"
                placeholder={`Drift of ${endpoint.name}`}
                value={name}
                onChange={(event) => setName(event.target.value)}
                error={errorFor('name')}
              />
            </div>
          </Section>
          <Section title="How">
            <MonitorForm
              key={endpoint.id}
              value={shown}
              endpoint={endpoint}
              onChange={(next) => {
                if (next.checks !== shown.checks) setPicked(true)
                setSettings(next)
              }}
              errorFor={errorFor}
            />
          </Section>
          <FormRefusal error={create.error} errorFor={errorFor} />
          <Button look="primary" type="submit" why={refused} busy={create.isPending}>
            Watch it
          </Button>
        </form>
      )}
    </Page>
  )
}
