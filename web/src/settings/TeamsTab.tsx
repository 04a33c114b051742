import type { Team } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed, usePagedList } from '../api.ts'
import { useUser } from '../session/session.ts'
import { Button } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { sayError } from '../ui/toast.tsx'

/** Groups of people, so that a project can be shared with one word. */
export function TeamsTab() {
  const me = useUser()
  const [name, setName] = useState('')
  const list = usePagedList(['teams', 'list'], (page) => atoll.teams.list(page))
  const done = () => changed('teams')
  return (
    <div className="max-w-4xl space-y-6">
      {me.isPlatformAdmin && (
        <form
          className="flex items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault()
            void atoll.teams.create({ name }).then(() => {
              setName('')
              done()
            }, sayError)
          }}
        >
          <TextField wrap="w-72" label="New team" required value={name} onChange={(event) => setName(event.target.value)} />
          <Button look="primary" type="submit">
            Make it
          </Button>
        </form>
      )}
      {list.error ? (
        <ErrorNote error={list.error} retry={list.retry} />
      ) : list.loading ? (
        <SkeletonLines lines={4} />
      ) : list.rows.length === 0 ? (
        <Empty title="No team yet">Teams are members of projects like people are.</Empty>
      ) : (
        list.rows.map((team) => <TeamBlock key={team.id} team={team} mayChange={me.isPlatformAdmin} onDone={done} />)
      )}
      {list.hasMore && <Button onClick={list.loadMore}>Load more</Button>}
    </div>
  )
}

function TeamBlock({ team, mayChange, onDone }: { team: Team; mayChange: boolean; onDone: () => void }) {
  const users = useQuery({ queryKey: ['users', 'all'], queryFn: () => atoll.users.list({ limit: 500 }), enabled: mayChange })
  const others = users.data?.items.filter((user) => !team.members.some((member) => member.id === user.id)) ?? []
  return (
    <Section
      title={team.name}
      actions={
        mayChange && (
          <Confirm
            trigger={
              <Button size="sm" look="danger">
                Delete
              </Button>
            }
            title={`Delete the team “${team.name}”?`}
            action="Delete it"
            onConfirm={() => void atoll.teams.delete(team.id).then(onDone, sayError)}
          >
            Its members lose what they could see only through it. This cannot be undone.
          </Confirm>
        )
      }
    >
      <ul className="flex flex-wrap items-center gap-1.5">
        {team.members.map((member) => (
          <li key={member.id} className="inline-flex h-7 items-center rounded-md border px-2 text-sm">
            {member.name}
            {mayChange && (
              <button
                type="button"
                aria-label={`Take ${member.name} out of ${team.name}`}
                className="-mr-1 ml-1 grid size-6 place-items-center text-faint hover:text-ink"
                onClick={() => void atoll.teams.removeMember(team.id, member.id).then(onDone, sayError)}
              >
                <X aria-hidden="true" className="size-3.5" />
              </button>
            )}
          </li>
        ))}
        {mayChange && others.length > 0 && (
          <li>
            <select
              aria-label={`Add somebody to ${team.name}`}
              className="field h-7 w-44 px-1.5 text-sm"
              value=""
              onChange={(event) => void atoll.teams.addMember(team.id, event.target.value).then(onDone, sayError)}
            >
              <option value="">add somebody</option>
              {others.map((user) => (
                <option key={user.id} value={user.id}>
                  {user.name}
                </option>
              ))}
            </select>
          </li>
        )}
      </ul>
      {team.members.length === 0 && <p className="mt-1 text-soft">Nobody is in it yet.</p>}
    </Section>
  )
}
