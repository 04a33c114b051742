import type { NewToken, Token } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence, usePagedList } from '../api.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { CodeBlock } from '../ui/CopyButton.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty, ErrorNote, Notice } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'

type Scopes = NonNullable<Token['scopes']>
const predictOnly: Scopes = ['endpoints:read', 'endpoints:predict']
const reading: Scopes = [
  'projects:list',
  'projects:read',
  'jobs:read',
  'datasets:read',
  'goals:read',
  'recipes:read',
  'experiments:read',
  'training:read',
  'models:read',
  'endpoints:read',
  'monitors:read',
]
const scopeChoices = [
  { value: 'all', label: 'everything you may do' },
  { value: 'read', label: 'reading only' },
  { value: 'predict', label: 'asking endpoints only' },
]

/** Personal tokens for programs. The secret is shown once. */
export function TokensTab() {
  const [name, setName] = useState('')
  const [days, setDays] = useState<number | null>(90)
  const [scope, setScope] = useState('all')
  const [made, setMade] = useState<NewToken | null>(null)
  const list = usePagedList(['tokens'], (page) => atoll.tokens.list(page))
  const create = useMutation({
    mutationFn: () =>
      atoll.tokens.create({
        name,
        expiresInDays: days ?? 90,
        scopes: scope === 'predict' ? predictOnly : scope === 'read' ? reading : null,
      }),
    onSuccess: (token) => {
      setMade(token)
      setName('')
      changed('tokens')
    },
  })
  const columns: ColumnOf<Token>[] = [
    { id: 'name', title: 'Token', value: (row) => row.name, cell: (row) => <span className="font-medium">{row.name}</span> },
    {
      id: 'end',
      title: 'Ends in',
      value: (row) => row.lastCharacters,
      cell: (row) => <code className="num">…{row.lastCharacters}</code>,
    },
    {
      id: 'scopes',
      title: 'May',
      hide: 'narrow',
      value: (row) => row.scopes?.join(' '),
      cell: (row) =>
        row.scopes === null ? 'everything you may' : <span title={row.scopes.join(', ')}>{row.scopes.length} permissions</span>,
    },
    {
      id: 'used',
      title: 'Last used',
      right: true,
      hide: 'narrow',
      value: (row) => row.lastUsedAt,
      cell: (row) => (row.lastUsedAt ? <Ago at={row.lastUsedAt} /> : <span className="text-faint">never</span>),
    },
    {
      id: 'expires',
      title: 'Expires',
      right: true,
      value: (row) => row.expiresAt,
      cell: (row) =>
        row.expiresAt && Date.parse(row.expiresAt) < Date.now() ? <Badge tone="grey">expired</Badge> : <Ago at={row.expiresAt} />,
    },
    {
      id: 'act',
      title: '',
      name: 'Actions',
      right: true,
      cell: (row) => (
        <Confirm
          trigger={
            <Button size="sm" look="danger">
              Revoke
            </Button>
          }
          title={`Revoke the token “${row.name}”?`}
          action="Revoke it"
          onConfirm={() => void atoll.tokens.revoke(row.id).then(() => changed('tokens'), sayError)}
        >
          Programs that use it are refused from now on. This cannot be undone.
        </Confirm>
      ),
    },
  ]
  return (
    <div className="space-y-6">
      <Section title="New token">
        {made && (
          <div className="mb-4 space-y-2">
            <Notice severity="good" word="Made">
              This is “{made.name}”. It is shown once, now: copy it to where it is used.
            </Notice>
            <CodeBlock label="the token" code={made.secret} />
          </div>
        )}
        <form
          className="grid items-start gap-4 sm:grid-cols-[minmax(0,1fr)_14rem_9rem_auto]"
          onSubmit={(event) => {
            event.preventDefault()
            create.mutate()
          }}
        >
          <TextField
            label="What for"
            required
            placeholder="nightly export"
            value={name}
            onChange={(event) => setName(event.target.value)}
            error={fieldOf(create.error) === 'name' ? sentence(create.error) : null}
          />
          <SelectField label="It may do" value={scope} choices={scopeChoices} onChange={setScope} />
          <NumberField
            label="Days"
            min={1}
            max={366}
            step={1}
            value={days}
            onChange={setDays}
            error={fieldOf(create.error) === 'expiresInDays' ? sentence(create.error) : null}
          />
          <Button look="primary" type="submit" className="sm:mt-6" busy={create.isPending}>
            Make it
          </Button>
        </form>
        {create.error && !fieldOf(create.error) && (
          <div className="mt-3">
            <ErrorNote error={create.error} />
          </div>
        )}
      </Section>
      <PagedTable
        label="Tokens"
        columns={columns}
        list={list}
        empty={<Empty title="No token yet">The command line and your own programs sign in with one.</Empty>}
      />
    </div>
  )
}
