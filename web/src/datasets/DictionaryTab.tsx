import type { Dataset, DatasetVersion } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Badge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { count } from '../ui/format.ts'
import { SearchBox } from '../ui/SearchBox.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'
import { type ColumnType, typesFor } from './column-type.tsx'

interface Change {
  description?: string
  unit?: string
  type?: ColumnType
  action?: 'keep' | 'drop' | 'pseudonymise'
}

/** What each column means. Words are kept with this version; another type, or a column less, makes a new version. */
export function DictionaryTab({ dataset, version }: { dataset: Dataset; version: DatasetVersion }) {
  const refused = useRefusal()
  const [changes, setChanges] = useState<Record<string, Change>>({})
  const [text, setText] = useState('')
  const set = (name: string, part: Change) => setChanges({ ...changes, [name]: { ...changes[name], ...part } })
  const words = Object.entries(changes).filter(([, change]) => change.description !== undefined || change.unit !== undefined)
  const shape = Object.entries(changes).filter(([, change]) => change.type !== undefined || (change.action ?? 'keep') !== 'keep')
  const done = () => {
    setChanges({})
    changed('dataset', 'datasets', 'jobs')
  }
  const describe = useMutation({
    mutationFn: () =>
      atoll.datasets.describe(
        dataset.id,
        words.map(([name, change]) => ({
          name,
          description: change.description,
          unit: change.unit === undefined ? undefined : change.unit || null,
        })),
      ),
    onSuccess: () => {
      done()
      say('The dictionary is saved.')
    },
  })
  const transform = useMutation({
    mutationFn: () =>
      atoll.datasets.transform(dataset.id, {
        version: version.id,
        columns: shape.map(([name, change]) => ({ name, type: change.type, action: change.action ?? 'keep' })),
      }),
    onSuccess: ({ version: made }) => {
      done()
      say(`Version ${made.number} is being made.`)
    },
  })
  const found = version.columns
    .filter((column) => `${column.name} ${column.description}`.toLowerCase().includes(text.toLowerCase()))
    .slice(0, 300)
  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <SearchBox label="Find a column" value={text} onChange={setText} />
        <div className="flex flex-wrap gap-2">
          {shape.length > 0 && (
            <Button busy={transform.isPending} onClick={() => transform.mutate()}>
              Make a version with {count(shape.length, 'change')}
            </Button>
          )}
          <Button
            look="primary"
            disabled={words.length === 0}
            busy={describe.isPending}
            why={refused}
            onClick={() => describe.mutate()}
          >
            Save descriptions
          </Button>
        </div>
      </div>
      {(describe.error || transform.error) && (
        <div className="mb-3">
          <ErrorNote error={describe.error ?? transform.error} />
        </div>
      )}
      <div className="overflow-x-auto rounded-lg border bg-surface">
        <table className="w-full min-w-[44rem]">
          <caption className="sr-only">Data dictionary</caption>
          <thead className="text-left text-sm text-soft">
            <tr>
              {['Column', 'Type', 'Meaning', 'Unit', 'In the next version'].map((title) => (
                <th key={title} scope="col" className="border-b px-3 py-2 font-medium">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.map((column) => {
              const change = changes[column.name] ?? {}
              return (
                <tr key={column.name}>
                  <th scope="row" className="max-w-56 border-b px-3 py-1.5 text-left font-medium">
                    <span className="block truncate">{column.name}</span>
                    {column.personalData && <Badge tone="warn">{column.personalData.kind.replaceAll('_', ' ')}</Badge>}
                  </th>
                  <td className="border-b px-3 py-1.5">
                    <select
                      aria-label={`Type of ${column.name}`}
                      disabled={Boolean(refused)}
                      className="field h-7 w-28 px-1.5 text-sm"
                      value={change.type ?? column.type}
                      onChange={(event) =>
                        set(column.name, {
                          type: event.target.value === column.type ? undefined : (event.target.value as ColumnType),
                        })
                      }
                    >
                      {typesFor(column.type).map((type) => (
                        <option key={type}>{type}</option>
                      ))}
                    </select>
                  </td>
                  <td className="w-1/2 border-b px-3 py-1.5">
                    <input
                      aria-label={`Meaning of ${column.name}`}
                      disabled={Boolean(refused)}
                      className="field h-7 text-sm"
                      maxLength={2000}
                      value={change.description ?? column.description}
                      onChange={(event) => set(column.name, { description: event.target.value })}
                    />
                  </td>
                  <td className="border-b px-3 py-1.5">
                    <input
                      aria-label={`Unit of ${column.name}`}
                      disabled={Boolean(refused)}
                      className="field h-7 w-24 text-sm"
                      value={change.unit ?? column.unit ?? ''}
                      onChange={(event) => set(column.name, { unit: event.target.value })}
                    />
                  </td>
                  <td className="border-b px-3 py-1.5">
                    <select
                      aria-label={`What to do with ${column.name} in the next version`}
                      disabled={Boolean(refused)}
                      className="field h-7 w-36 px-1.5 text-sm"
                      value={change.action ?? 'keep'}
                      onChange={(event) => set(column.name, { action: event.target.value as Change['action'] })}
                    >
                      <option value="keep">keep</option>
                      <option value="drop">drop</option>
                      <option value="pseudonymise">pseudonymise</option>
                    </select>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      {version.columns.length > found.length && (
        <p className="mt-2 text-sm text-soft">
          {found.length} of {count(version.columns.length, 'column')} shown; find the others by name.
        </p>
      )}
    </div>
  )
}
