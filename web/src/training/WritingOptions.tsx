import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { NumberField, SelectField } from '../ui/Field.tsx'

type Options = Record<string, unknown>

/** What a network that writes begins with, and how long it learns. */
export function WritingOptions({
  project,
  options,
  onChange,
  errorFor,
}: {
  project: string
  options: Options
  onChange: (options: Options) => void
  errorFor: (field: string) => string | null
}) {
  const weights = useQuery({ queryKey: ['weights', project], queryFn: () => atoll.weights.list({ project, limit: 200 }) })
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...others } = options
    onChange(value === null || value === '' ? others : { ...others, [name]: value })
  }
  return (
    <>
      <SelectField
        label="Begins with"
        value={(options.weights as string) ?? ''}
        choices={[
          { value: '', label: 'random numbers: a small network' },
          ...(weights.data?.items.map(({ name }) => ({ value: name, label: name })) ?? []),
        ]}
        hint={options.weights ? undefined : 'Knows only your rows. Weights that know the language do much better.'}
        onChange={(value) => set('weights', value)}
        error={errorFor('options.weights')}
      />
      <NumberField
        label="Epochs"
        placeholder="as the network asks"
        min={1}
        step={1}
        value={typeof options.epochs === 'number' ? options.epochs : null}
        onChange={(value) => set('epochs', value)}
        error={errorFor('options.epochs')}
      />
    </>
  )
}
