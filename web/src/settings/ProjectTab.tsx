import type { Member, Project } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useProject, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { say, sayError } from '../ui/toast.tsx'

/** The project's name and who works in it. */
export function ProjectTab() {
  const project = useProject()
  if (!project) return <SkeletonLines lines={6} />
  return (
    <div className="grid max-w-5xl items-start gap-6 lg:grid-cols-2">
      <About key={project.id} project={project} />
      <Members project={project} />
    </div>
  )
}

function About({ project }: { project: Project }) {
  const refused = useRefusal('admin')
  const navigate = useNavigate()
  const [form, setForm] = useState({ name: project.name, description: project.description, visibility: project.visibility })
  const save = useMutation({
    mutationFn: () => atoll.projects.update(project.id, form),
    onSuccess: (now) => {
      changed('projects')
      say('Saved.')
      if (now.name !== project.name)
        void navigate({ to: '/p/$project/settings', params: { project: now.name }, search: { tab: 'project' }, replace: true })
    },
  })
  return (
    <Section title="This project">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <TextField
          label="Name"
          required
          value={form.name}
          disabled={Boolean(refused)}
          onChange={(event) => setForm({ ...form, name: event.target.value })}
          error={fieldOf(save.error) === 'name' ? sentence(save.error) : null}
        />
        <TextareaField
          label="Description"
          value={form.description}
          disabled={Boolean(refused)}
          onChange={(event) => setForm({ ...form, description: event.target.value })}
        />
        <SelectField
          label="Who sees it"
          value={form.visibility}
          disabled={Boolean(refused)}
          onChange={(visibility) => setForm({ ...form, visibility: visibility as 'team' })}
          choices={[
            { value: 'team', label: 'Its members' },
            { value: 'institution', label: 'Everyone signed in' },
          ]}
        />
        {save.error && !fieldOf(save.error) && <ErrorNote error={save.error} />}
        <Button look="primary" type="submit" why={refused} busy={save.isPending}>
          Save
        </Button>
      </form>
    </Section>
  )
}

function Members({ project }: { project: Project }) {
  const refused = useRefusal('admin')
  const [chosen, setChosen] = useState('')
  const [role, setRole] = useState<Member['role']>('editor')
  const members = useQuery({ queryKey: ['projects', project.id, 'members'], queryFn: () => atoll.projects.members(project.id) })
  const users = useQuery({ queryKey: ['users', 'all'], queryFn: () => atoll.users.list({ limit: 500 }) })
  const teams = useQuery({ queryKey: ['teams', 'all'], queryFn: () => atoll.teams.list({ limit: 500 }) })
  const done = () => changed('projects')
  const set = (id: string, next: Member['role']) => void atoll.projects.setMember(project.id, id, next).then(done, sayError)
  const here = new Set(members.data?.items.map((member) => member.id))
  const others = [
    ...(teams.data?.items.map((team) => ({ value: team.id, label: `${team.name} (team)` })) ?? []),
    ...(users.data?.items.map((user) => ({ value: user.id, label: user.email ? `${user.name}, ${user.email}` : user.name })) ??
      []),
  ].filter((one) => !here.has(one.value))
  const roles = ['viewer', 'editor', 'admin'] as const
  return (
    <Section title="Members" note="Viewers read and ask endpoints, editors also make and change, admins also approve and manage.">
      {members.error ? (
        <ErrorNote error={members.error} retry={() => void members.refetch()} />
      ) : members.isPending ? (
        <SkeletonLines />
      ) : (
        <ul className="divide-y">
          {members.data.items.map((member) => (
            <li key={member.id} className="flex items-center gap-3 py-2">
              <span className="min-w-0 flex-1 truncate">
                {member.name} {member.kind === 'team' && <span className="text-sm text-faint">team</span>}
              </span>
              <select
                aria-label={`Role of ${member.name}`}
                disabled={Boolean(refused)}
                className="field h-7 w-28 px-1.5 text-sm"
                value={member.role}
                onChange={(event) => set(member.id, event.target.value as Member['role'])}
              >
                {roles.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
              <Button
                size="sm"
                look="quiet"
                why={refused}
                onClick={() => void atoll.projects.removeMember(project.id, member.id).then(done, sayError)}
              >
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
      {!refused && (
        <form
          className="mt-4 flex flex-wrap items-end gap-2 border-t pt-4"
          onSubmit={(event) => {
            event.preventDefault()
            if (chosen) set(chosen, role)
            setChosen('')
          }}
        >
          <SelectField
            wrap="flex-1 basis-48"
            label="Person or team"
            value={chosen}
            choices={[{ value: '', label: 'choose' }, ...others]}
            onChange={setChosen}
          />
          <SelectField
            wrap="w-28"
            label="Role"
            value={role}
            choices={roles}
            onChange={(next) => setRole(next as Member['role'])}
          />
          <Button type="submit" disabled={!chosen}>
            Add
          </Button>
        </form>
      )}
    </Section>
  )
}
