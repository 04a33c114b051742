import type { Dataset, TrainingInput } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { Check, NumberField, SelectField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ChangedImages } from './ChangedImages.tsx'

type Options = Record<string, unknown>
type Changes = Record<string, number | string>

/** Changes of the pictures that are counted, with their most; shares are of the side or of full scale. */
const shares: readonly [name: string, label: string, most: number, step: number][] = [
  ['crop', 'Shift', 0.5, 0.05],
  ['zoom', 'Zoom', 0.9, 0.05],
  ['rotate', 'Turn, degrees', 180, 5],
  ['brightness', 'Brightness', 1, 0.05],
  ['contrast', 'Contrast', 1, 0.05],
  ['saturation', 'Saturation', 1, 0.05],
  ['erase', 'Erased part, chance', 1, 0.05],
]
const flips = [
  { value: 'none', label: 'none' },
  { value: 'horizontal', label: 'left and right' },
  { value: 'vertical', label: 'up and down' },
  { value: 'both', label: 'both' },
]
const usual: Changes = { flip: 'horizontal', crop: 0.1 }
const usualOfPlaces: Changes = { flip: 'horizontal', crop: 0.1, zoom: 0.2, brightness: 0.2, contrast: 0.2, saturation: 0.2 }

/** How a network learns from images: their size, how long, and how they are changed while it learns, to be looked at. */
export function PictureOptions({
  project,
  dataset,
  task,
  target,
  options,
  onChange,
  errorFor,
}: {
  project: string
  dataset: Dataset
  task: TrainingInput['task']
  target: string | null
  options: Options
  onChange: (options: Options) => void
  errorFor: (field: string) => string | null
}) {
  const weights = useQuery({ queryKey: ['weights', project], queryFn: () => atoll.weights.list({ project, limit: 200 }) })
  const hasPlaces = task === 'detection' || task === 'segmentation'
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...others } = options
    onChange(value === null || value === undefined ? others : { ...others, [name]: value })
  }
  const isPlain = options.augment === false
  const changes: Changes =
    options.augment && typeof options.augment === 'object' ? (options.augment as Changes) : hasPlaces ? usualOfPlaces : usual
  const change = (name: string, value: number | string | null) =>
    set('augment', Object.fromEntries(Object.entries({ ...changes, [name]: value }).filter(([, one]) => one !== null)))
  return (
    <Section title="Pictures" note="Networks see squares. Small changes while they learn make them see what matters.">
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField
          label="Begins with"
          value={(options.weights as string) ?? ''}
          choices={[
            { value: '', label: 'random numbers' },
            ...(weights.data?.items.map(({ name }) => ({ value: name, label: name })) ?? []),
          ]}
          onChange={(value) => set('weights', value || null)}
          error={errorFor('options.weights')}
        />
        <NumberField
          label="Side of the square, pixels"
          placeholder="as the images are"
          min={hasPlaces ? 32 : 8}
          max={1024}
          step={hasPlaces ? 32 : 1}
          value={numberOf(options.imageSize)}
          onChange={(value) => set('imageSize', value)}
          error={errorFor('options.imageSize') ?? errorFor('imageSize')}
        />
        <NumberField
          label="Epochs"
          placeholder="usual for the network"
          min={1}
          step={1}
          value={numberOf(options.epochs)}
          onChange={(value) => set('epochs', value)}
          error={errorFor('options.epochs') ?? errorFor('epochs')}
        />
        <SelectField
          label="Mirrored"
          value={isPlain ? 'none' : String(changes.flip ?? 'none')}
          choices={flips}
          disabled={isPlain}
          onChange={(flip) => change('flip', flip)}
          hint="Not where left and right mean something, as in letters."
        />
      </div>
      <Check
        className="mt-3"
        label="Leave the images as they are"
        checked={isPlain}
        onChange={(on) => set('augment', on ? false : null)}
      />
      {!isPlain && (
        <details className="mt-3">
          <summary className="text-soft">How far they may be changed</summary>
          <div className="mt-3 grid grid-cols-2 gap-4 sm:grid-cols-4">
            {shares.map(([name, label, most, step]) => (
              <NumberField
                key={name}
                label={label}
                placeholder="0"
                min={0}
                max={most}
                step={step}
                value={numberOf(changes[name])}
                onChange={(value) => change(name, value)}
                error={errorFor(`augment.${name}`)}
              />
            ))}
          </div>
        </details>
      )}
      <ChangedImages dataset={dataset} task={hasPlaces ? task : null} target={target} options={options} />
    </Section>
  )
}

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)
