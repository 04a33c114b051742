import type { Weights } from '@atoll/sdk'
import { Weight } from 'lucide-react'
import { useState } from 'react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { bytes, whole } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { AddWeightsPanel } from './AddWeightsPanel.tsx'
import { WeightsPanel } from './WeightsPanel.tsx'

/** Weights that networks can begin with: what they are, where they are from, under which licence. */
export function WeightsPage() {
  const project = useProjectRef()
  const refused = useRefusal()
  const [adding, setAdding] = useState(false)
  const [shown, setShown] = useState<Weights | null>(null)
  const list = usePagedList(['weights', project], (page) => atoll.weights.list({ project, ...page }), { refetchInterval: 5000 })
  const columns: readonly ColumnOf<Weights>[] = [
    {
      id: 'name',
      title: 'Weights',
      value: (row) => row.name,
      cell: (row) => (
        <button type="button" className="font-medium text-accent hover:underline" onClick={() => setShown(row)}>
          {row.name}
        </button>
      ),
    },
    { id: 'state', title: 'State', value: (row) => row.state, cell: (row) => <StateBadge state={row.state} /> },
    { id: 'kind', title: 'Kind', value: (row) => row.architecture, cell: (row) => row.architecture ?? '–' },
    {
      id: 'parameters',
      title: 'Numbers',
      right: true,
      hide: 'narrow',
      value: (row) => row.parameters,
      cell: (row) => <Num>{row.parameters === null ? '–' : whole(row.parameters)}</Num>,
    },
    { id: 'size', title: 'Size', right: true, value: (row) => row.sizeBytes, cell: (row) => <Num>{bytes(row.sizeBytes)}</Num> },
    { id: 'licence', title: 'Licence', value: (row) => row.licence, cell: (row) => row.licence || 'not stated' },
    {
      id: 'at',
      title: 'Added',
      right: true,
      hide: 'narrow',
      value: (row) => row.createdAt,
      cell: (row) => <Ago at={row.createdAt} />,
    },
  ]
  const button = (
    <Button look="primary" why={refused} onClick={() => setAdding(true)}>
      Add weights
    </Button>
  )
  return (
    <Page title="Weights" lead="Trained weights that a network can begin with." actions={button}>
      <PagedTable
        label="Weights"
        columns={columns}
        list={list}
        empty={
          <Empty icon={<Weight />} title="No weights yet" action={button}>
            A folder with config.json, tokenizer.json and model.safetensors, as model hubs give it. A training that names them
            (option weights) begins where they left off, instead of from random numbers.
          </Empty>
        }
      />
      {adding && <AddWeightsPanel project={project} onClose={() => setAdding(false)} />}
      {shown && <WeightsPanel weights={shown} onClose={() => setShown(null)} />}
    </Page>
  )
}
