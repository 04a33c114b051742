import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { sayError } from '../ui/toast.tsx'

/** Starts a comparison over repeated folds; its job's page shows the verdict. */
export function CompareOverFolds({ candidates }: { candidates: string[] }) {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const [repeats, setRepeats] = useState<number | null>(5)
  const [folds, setFolds] = useState<number | null>(5)
  const [delta, setDelta] = useState<number | null>(null)
  const start = useMutation({
    mutationFn: () => atoll.comparisons.create({ candidates, repeats: repeats ?? 5, folds: folds ?? 5, delta, project }),
    onSuccess: ({ job }) => {
      changed('jobs')
      void navigate({ to: '/p/$project/jobs/$job', params: { project, job: job.id } })
    },
    onError: sayError,
  })
  return (
    <Section
      title="Over repeated folds"
      note="The sealed rows are one draw. Both are fitted again on every fold of the training part, divided anew each time, with a test that allows for shared rows."
    >
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          start.mutate()
        }}
      >
        <NumberField wrap="w-28" label="Repeats" value={repeats} onChange={setRepeats} min={1} max={100} />
        <NumberField wrap="w-28" label="Folds" value={folds} onChange={setFolds} min={2} max={20} />
        <NumberField
          wrap="w-44"
          label="Does not matter below"
          value={delta}
          onChange={setDelta}
          min={0}
          step="any"
          placeholder="not said"
        />
        <Button type="submit" busy={start.isPending} why={refused}>
          Compare over folds
        </Button>
      </form>
    </Section>
  )
}
