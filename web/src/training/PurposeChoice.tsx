import type { Dataset, TrainingInput } from '@atoll/sdk'
import { NumberField, SelectField } from '../ui/Field.tsx'
import { LanguageOptions } from './LanguageOptions.tsx'
import { structuredTask, structuredTasks } from './structured-tasks.ts'

type Task = NonNullable<TrainingInput['task']>

/** What a training without a goal may be for, beside predicting a column. */
const purposes: readonly { value: '' | Task; label: string; hint: string }[] = [
  { value: '', label: 'predict a column', hint: 'Learns from rows whose answer is known.' },
  {
    value: 'clustering',
    label: 'find groups',
    hint: 'Rows that are alike, how many groups there are, and what sets each apart.',
  },
  { value: 'anomaly', label: 'find anomalies', hint: 'A score for how strange a row is, and why.' },
  { value: 'projection', label: 'draw a map', hint: 'Two numbers for each row, so that rows that are alike lie near.' },
  { value: 'topics', label: 'find topics', hint: 'What the texts of one column are about.' },
  {
    value: 'diarisation',
    label: 'find who speaks when',
    hint: 'Learns voices from recordings with a column of turns, or of one speaker each (a column of speakers).',
  },
  {
    value: 'generation',
    label: 'train a language model',
    hint: 'Columns text; or prompt and completion; or messages; or prompt, chosen and rejected.',
  },
  {
    value: 'embedding',
    label: 'learn words as vectors',
    hint: 'Words in the same company lie near one another; a text is the mean of its words.',
  },
]
const withoutTarget = new Set<string>(purposes.slice(1).map(({ value }) => value))
const targeted = structuredTasks.map(({ task, label, hint }) => ({ value: task, label, hint }))

/** The task, when it is one that learns from the rows alone. */
export const purposeOf = (task: TrainingInput['task']): Task | null => (task && withoutTarget.has(task) ? task : null)

export function PurposeChoice({
  task,
  columns,
  onChange,
}: {
  task: Task | null
  columns: readonly { type: string }[]
  onChange: (part: Partial<TrainingInput>) => void
}) {
  const able = targeted.filter(({ value }) => columns.some(({ type }) => type === structuredTask(value)!.needs) || value === task)
  const choices = [purposes[0]!, ...able, ...purposes.slice(1)]
  return (
    <SelectField
      label="To do"
      value={task ?? ''}
      choices={choices.map(({ value, label }) => ({ value, label }))}
      hint={choices.find(({ value }) => value === (task ?? ''))?.hint}
      onChange={(value) =>
        onChange({
          task: (value || null) as Task | null,
          target: null,
          positive: null,
          metric: null,
          options: {},
          algorithms: ['auto'],
        })
      }
    />
  )
}

/** What only tasks without a target ask: how many, of which text, compared with which labels. */
export function PurposeOptions({
  dataset,
  task,
  options,
  onChange,
  errorFor,
}: {
  dataset: Dataset
  task: Task
  options: Record<string, unknown>
  onChange: (options: Record<string, unknown>) => void
  errorFor: (field: string) => string | null
}) {
  const columns = dataset.latest?.columns ?? []
  const texts = columns.filter(({ type }) => type === 'text')
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...others } = options
    onChange(value === null || value === '' ? others : { ...others, [name]: value })
  }
  const counted = task === 'clustering' ? 'clusters' : task === 'topics' ? 'topics' : null
  return (
    <>
      {counted && (
        <NumberField
          label={task === 'topics' ? 'Topics' : 'Groups'}
          placeholder="as the data says"
          min={2}
          step={1}
          value={typeof options[counted] === 'number' ? (options[counted] as number) : null}
          onChange={(value) => set(counted, value)}
          error={errorFor(`options.${counted}`)}
        />
      )}
      {(task === 'topics' || task === 'embedding') && texts.length !== 1 && (
        <SelectField
          label="Texts of"
          value={(options.textColumn as string) ?? ''}
          choices={[{ value: '', label: 'choose' }, ...(texts.length ? texts : columns).map(({ name }) => name)]}
          onChange={(value) => set('textColumn', value)}
          error={errorFor('options.textColumn')}
        />
      )}
      {task === 'anomaly' && (
        <NumberField
          label="Share of anomalies, %"
          placeholder="2"
          min={0.1}
          step={0.1}
          value={typeof options.contamination === 'number' ? options.contamination * 100 : null}
          onChange={(value) => set('contamination', value === null ? null : value / 100)}
          error={errorFor('options.contamination')}
        />
      )}
      {task === 'generation' && <LanguageOptions options={options} set={set} errorFor={errorFor} />}
      {task !== 'projection' && task !== 'embedding' && task !== 'generation' && (
        <SelectField
          label="Known labels"
          value={(options.labelColumn as string) ?? ''}
          choices={[
            { value: '', label: 'none' },
            ...columns
              .filter(({ type }) => type === 'category' || type === 'boolean' || type === 'integer')
              .map(({ name }) => name),
          ]}
          hint="Only compared with the result; the fit never sees them."
          onChange={(value) => set('labelColumn', value)}
          error={errorFor('options.labelColumn')}
        />
      )}
    </>
  )
}
