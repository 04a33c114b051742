import type { AuditEntry } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useDeferredValue, useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { hasPlace } from '../app/places.ts'
import { Button } from '../ui/Button.tsx'
import { CodeBlock, Copyable } from '../ui/CopyButton.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { whole } from '../ui/format.ts'
import { Details } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { SearchBox } from '../ui/SearchBox.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Empty, ErrorNote, Notice } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

/** Who did what, each entry bound to the one before by its hash. */
export function AuditTab() {
  const [open, setOpen] = useState<AuditEntry | null>(null)
  const [text, setText] = useState('')
  const action = useDeferredValue(text.trim())
  const list = usePagedList(['audit', action], (page) => atoll.audit.list({ action: action || undefined, ...page }), {
    limit: 100,
  })
  const verify = useMutation({ mutationFn: () => atoll.audit.verify() })
  const columns: ColumnOf<AuditEntry>[] = [
    { id: 'at', title: 'When', value: (row) => row.at, cell: (row) => <Ago at={row.at} /> },
    { id: 'actor', title: 'Who', value: (row) => row.actorName, cell: (row) => row.actorName },
    {
      id: 'action',
      title: 'Did',
      value: (row) => row.action,
      cell: (row) => (
        <button type="button" className="link" onClick={() => setOpen(row)}>
          {row.action}
        </button>
      ),
    },
    {
      id: 'target',
      title: 'To',
      hide: 'narrow',
      value: (row) => row.target,
      cell: (row) => <code className="num text-soft">{row.target ?? '–'}</code>,
    },
    { id: 'credential', title: 'With', hide: 'narrow', value: (row) => row.credential, cell: (row) => row.credential },
    {
      id: 'hash',
      title: 'Hash',
      hide: 'default',
      value: (row) => row.hash,
      cell: (row) => <code className="num">{row.hash.slice(0, 12)}</code>,
    },
  ]
  return (
    <div>
      {verify.data && (
        <div className="mb-3">
          <Notice
            severity={verify.data.brokenAt === null ? 'good' : 'serious'}
            word={verify.data.brokenAt === null ? 'Intact' : 'Broken'}
          >
            {verify.data.brokenAt === null
              ? `All ${whole(verify.data.entries)} entries follow from each other.`
              : `The chain is broken at entry ${whole(verify.data.brokenAt)}: ${verify.data.reason ?? 'it, or one before it, was changed afterwards.'}`}
          </Notice>
        </div>
      )}
      {verify.error && (
        <div className="mb-3">
          <ErrorNote error={verify.error} />
        </div>
      )}
      <PagedTable
        label="Audit trail"
        columns={columns}
        list={list}
        toolbar={
          <>
            <SearchBox label="Action, e.g. models.promote" value={text} onChange={setText} />
            <Button size="sm" busy={verify.isPending} onClick={() => verify.mutate()}>
              Verify the chain
            </Button>
          </>
        }
        filtered
        empty={action ? <Empty title="No entry has this action" /> : undefined}
      />
      {open && (
        <SidePanel open onClose={() => setOpen(null)} title={open.action}>
          <Details
            rows={[
              ['When', <Ago key="w" at={open.at} />],
              ['Who', open.actorName],
              ['With', open.credential],
              ['To', open.target && <Copyable key="t" text={open.target} />],
              hasPlace(open.target) && [
                '',
                <Link key="o" to="/open/$id" params={{ id: open.target! }} className="link">
                  Open its page
                </Link>,
              ],
              ['Project', open.project && <Copyable key="p" text={open.project} />],
              ['Hash', <Copyable key="h" text={open.hash} shown={`${open.hash.slice(0, 16)}…`} />],
            ]}
          />
          <CodeBlock className="mt-4" label="the facts" code={JSON.stringify(open.facts, null, 2)} />
        </SidePanel>
      )}
    </div>
  )
}
