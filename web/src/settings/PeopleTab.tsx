import type { User } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence, usePagedList } from '../api.ts'
import { useUser } from '../session/session.ts'
import { Badge, StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { CodeBlock } from '../ui/CopyButton.tsx'
import { type ColumnOf, DataTable } from '../ui/DataTable.tsx'
import { Check, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, Notice } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'

const asAddress = (link: string) => (link.startsWith('http') ? link : `${window.location.origin}/sign-in#link=${link}`)

/** Everyone who may sign in; an administrator invites with a link that works once. */
export function PeopleTab() {
  const me = useUser()
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [admin, setAdmin] = useState(false)
  const [link, setLink] = useState<{ name: string; link: string } | null>(null)
  const list = usePagedList(['users', 'list'], (page) => atoll.users.list(page))
  const invite = useMutation({
    async mutationFn() {
      const user = await atoll.users.create({ name, email: email || null, isPlatformAdmin: admin })
      return { user, link: (await atoll.users.signInLink(user.id)).link }
    },
    onSuccess: ({ user, link }) => {
      setLink({ name: user.name, link: asAddress(link) })
      setName('')
      setEmail('')
      setAdmin(false)
      changed('users')
    },
  })
  const newLink = (user: User) =>
    void atoll.users.signInLink(user.id).then((made) => setLink({ name: user.name, link: asAddress(made.link) }), sayError)
  const update = (user: User, patch: { state?: 'active' | 'disabled'; isPlatformAdmin?: boolean }) =>
    void atoll.users.update(user.id, patch).then(() => changed('users'), sayError)
  const columns: (ColumnOf<User> | false)[] = [
    {
      id: 'name',
      title: 'Name',
      value: (row) => row.name,
      cell: (row) => (
        <span className="inline-flex items-center gap-2">
          <span className="font-medium">{row.name}</span>
          {row.isPlatformAdmin && <Badge mark={false}>administrator</Badge>}
          {row.id === me.id && <span className="text-sm text-faint">you</span>}
        </span>
      ),
    },
    { id: 'email', title: 'E-mail', hide: 'narrow', value: (row) => row.email, cell: (row) => row.email ?? '–' },
    { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
    {
      id: 'seen',
      title: 'Last here',
      right: true,
      hide: 'narrow',
      value: (row) => row.lastSeenAt,
      cell: (row) => <Ago at={row.lastSeenAt} />,
    },
    me.isPlatformAdmin && {
      id: 'act',
      title: '',
      name: 'Actions',
      right: true,
      cell: (row) =>
        row.id === me.id ? null : (
          <span className="inline-flex gap-1.5">
            <Button size="sm" onClick={() => newLink(row)}>
              New sign-in link
            </Button>
            <Button size="sm" onClick={() => update(row, { isPlatformAdmin: !row.isPlatformAdmin })}>
              {row.isPlatformAdmin ? 'Make ordinary' : 'Make administrator'}
            </Button>
            <Button size="sm" onClick={() => update(row, { state: row.state === 'disabled' ? 'active' : 'disabled' })}>
              {row.state === 'disabled' ? 'Let in' : 'Shut out'}
            </Button>
          </span>
        ),
    },
  ]
  return (
    <div className="space-y-6">
      {link && (
        <div className="space-y-2">
          <Notice severity="good" word="Link">
            This signs {link.name} in, once. Send it to them yourself; it is not shown again.
          </Notice>
          <CodeBlock label="the sign-in link" code={link.link} />
        </div>
      )}
      {me.isPlatformAdmin && (
        <Section title="Invite somebody">
          <form
            className="grid items-start gap-4 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto_auto]"
            onSubmit={(event) => {
              event.preventDefault()
              invite.mutate()
            }}
          >
            <TextField
              label="Name"
              required
              value={name}
              onChange={(event) => setName(event.target.value)}
              error={fieldOf(invite.error) === 'name' ? sentence(invite.error) : null}
            />
            <TextField
              label="E-mail"
              type="email"
              hint="Optional; they sign in with it later."
              value={email}
              onChange={(event) => setEmail(event.target.value)}
              error={fieldOf(invite.error) === 'email' ? sentence(invite.error) : null}
            />
            <Check className="sm:mt-7" label="Administrator" checked={admin} onChange={setAdmin} />
            <Button look="primary" type="submit" className="sm:mt-6" busy={invite.isPending}>
              Invite
            </Button>
          </form>
          {invite.error && !fieldOf(invite.error) && (
            <div className="mt-3">
              <ErrorNote error={invite.error} />
            </div>
          )}
        </Section>
      )}
      <DataTable
        label="People"
        columns={columns.filter((column) => column !== false)}
        rows={list.rows}
        keyOf={(row) => row.id}
        loading={list.loading}
        error={list.error}
        retry={list.retry}
        hasMore={list.hasMore}
        loadMore={list.loadMore}
        loadingMore={list.loadingMore}
      />
    </div>
  )
}
