import type { Monitor } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { SelectField } from '../ui/Field.tsx'
import { SidePanel } from '../ui/SidePanel.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'

/** A data set as "now", for example last month's rows. */
export function RunOnDataset({
  monitor,
  onClose,
  onRun,
}: {
  monitor: Monitor
  onClose: () => void
  onRun: (job: string) => void
}) {
  const project = useProjectRef()
  const [chosen, setChosen] = useState('')
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 500 }),
    // One that was added a moment ago, elsewhere too, is among them.
    refetchOnMount: 'always',
  })
  const ready = datasets.data?.items.filter((one) => one.latest?.state === 'ready') ?? []
  const dataset = ready.find((one) => one.id === chosen) ?? ready[0]
  const run = useMutation({
    mutationFn: () => atoll.monitors.run(monitor.id, { dataset: dataset!.id }),
    onSuccess: (made) => onRun(made.job),
  })
  return (
    <SidePanel open onClose={onClose} title="Run on a data set">
      {datasets.isPending ? (
        <SkeletonLines />
      ) : ready.length === 0 ? (
        <Empty title="There is no data set" />
      ) : (
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault()
            run.mutate()
          }}
        >
          <SelectField
            label="Rows that stand for now"
            value={dataset?.id ?? ''}
            choices={ready.map((one) => ({ value: one.id, label: one.name }))}
            onChange={setChosen}
            hint="It needs the model's raw columns."
          />
          {run.error && <ErrorNote error={run.error} />}
          <Button look="primary" type="submit" busy={run.isPending}>
            Compare with the training data
          </Button>
        </form>
      )}
    </SidePanel>
  )
}
