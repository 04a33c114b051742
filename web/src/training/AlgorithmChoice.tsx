import type { Goal, TrainingInput } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { Check } from '../ui/Field.tsx'

type Algorithms = NonNullable<TrainingInput['algorithms']>

/** Which algorithms may compete; by default Atoll chooses. */
export function AlgorithmChoice({
  task,
  value,
  onChange,
}: {
  task: Goal['task'] | null
  value: Algorithms
  onChange: (value: Algorithms) => void
}) {
  const algorithms = useQuery({
    queryKey: ['algorithms'],
    queryFn: () => atoll.training.algorithms(),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const fitting = algorithms.data?.items.filter((one) => !task || one.tasks.includes(task)) ?? []
  const auto = value.includes('auto')
  return (
    <fieldset className="sm:col-span-2">
      <legend className="mb-1 text-sm font-medium text-soft">Algorithms</legend>
      <Check
        label="Chosen by Atoll: the baseline first, then by promise"
        checked={auto}
        onChange={(on) => onChange(on ? ['auto'] : fitting.slice(0, 2).map((one) => one.name as Algorithms[number]))}
      />
      {!auto && (
        <div className="mt-2 grid gap-x-4 gap-y-1.5 rounded-md border p-3 sm:grid-cols-2 xl:grid-cols-3">
          {fitting.map((one) => (
            <Check
              key={one.name}
              label={one.title}
              hint={one.about}
              checked={value.includes(one.name as Algorithms[number])}
              onChange={(on) => {
                const next = on ? [...value, one.name as Algorithms[number]] : value.filter((name) => name !== one.name)
                onChange(next.length ? next : ['auto'])
              }}
            />
          ))}
        </div>
      )}
    </fieldset>
  )
}
