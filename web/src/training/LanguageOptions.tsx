import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { NumberField, SelectField } from '../ui/Field.tsx'

/** What a training of a language model asks: what it begins with, and how long it learns. */
export function LanguageOptions({
  options,
  set,
  errorFor,
}: {
  options: Record<string, unknown>
  set: (name: string, value: unknown) => void
  errorFor: (field: string) => string | null
}) {
  const project = useProjectRef()
  const weights = useQuery({ queryKey: ['weights', project, 'all'], queryFn: () => atoll.weights.list({ project, limit: 200 }) })
  const models = useQuery({ queryKey: ['models', project, 'all'], queryFn: () => atoll.models.list({ project, limit: 200 }) })
  const brought = weights.data?.items.filter(({ state }) => state === 'ready').map(({ name }) => name) ?? []
  const trained = models.data?.items.filter(({ task, latest }) => task === 'generation' && latest).map(({ name }) => name) ?? []
  return (
    <>
      <SelectField
        label="Begin with"
        value={(options.base as string) ?? ''}
        choices={[
          { value: '', label: 'nothing: a small model of its own' },
          ...brought.map((name) => ({ value: name, label: `${name} (weights)` })),
          ...trained.filter((name) => !brought.includes(name)).map((name) => ({ value: name, label: `${name} (trained here)` })),
        ]}
        hint={
          options.base
            ? 'A small adapter learns beside the frozen weights, unless another algorithm is chosen.'
            : 'It will know these texts alone. Add weights under Training, Weights.'
        }
        onChange={(value) => set('base', value)}
        error={errorFor('options.base')}
      />
      <NumberField
        label="Passes over the texts"
        placeholder="as the algorithm asks"
        min={1}
        step={1}
        value={typeof options.epochs === 'number' ? options.epochs : null}
        onChange={(value) => set('epochs', value)}
        error={errorFor('epochs')}
      />
    </>
  )
}
