import type { Dataset, TrainingInput } from '@atoll/sdk'
import { useProfile } from '../datasets/use-profile.ts'
import { binaryMetrics, metricAsks, multiclassMetrics, regressionMetrics } from '../goals/metrics.ts'
import { SelectField } from '../ui/Field.tsx'
import { metricName, whole } from '../ui/format.ts'
import type { StructuredTask } from './structured-tasks.ts'

const metrics = [...new Set([...binaryMetrics, ...multiclassMetrics, ...regressionMetrics])]

/** Without a goal: the column to predict, the class that matters, the measure. */
export function TargetChoice({
  dataset,
  target,
  positive,
  metric,
  structured = null,
  onChange,
  errorFor,
}: {
  dataset: Dataset
  structured?: StructuredTask | null
  target: string
  positive: string | null
  metric: TrainingInput['metric']
  onChange: (part: Partial<TrainingInput>) => void
  errorFor: (field: string) => string | null
}) {
  const { profile } = useProfile({ ...dataset, target: target || null }, dataset.latest!)
  const column = profile.data?.columns.find((one) => one.name === target)
  const classes = column && column.distinct === 2 && !structured ? column.top : []
  const columns = dataset.latest?.columns.filter(({ type }) => !structured || structured.types.includes(type)) ?? []
  return (
    <>
      <SelectField
        label={structured?.holds ?? 'Column to predict'}
        value={columns.some(({ name }) => name === target) ? target : ''}
        choices={[{ value: '', label: 'choose' }, ...columns.map((one) => one.name)]}
        onChange={(next) => onChange({ target: next || null, positive: null })}
        error={errorFor('target')}
      />
      {classes.length === 2 && (
        <SelectField
          label="The class that matters"
          value={positive ?? ''}
          choices={[
            { value: '', label: 'the rarer one' },
            ...classes.map((one) => ({ value: one.value, label: `${one.value} (${whole(one.count)} rows)` })),
          ]}
          onChange={(next) => onChange({ positive: next || null })}
          error={errorFor('positive')}
        />
      )}
      <SelectField
        label="Measure"
        value={metric ?? ''}
        choices={[
          { value: '', label: 'as the data asks' },
          ...(structured?.metrics ?? metrics).map((one) => ({ value: one, label: metricName(one) })),
        ]}
        onChange={(next) => onChange({ metric: (next || null) as TrainingInput['metric'] })}
        hint={metric ? metricAsks[metric] : undefined}
        error={errorFor('metric')}
      />
    </>
  )
}
