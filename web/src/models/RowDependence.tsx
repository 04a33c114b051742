import type { Model, ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { LineChart } from '../charts/LineChart.tsx'
import { SelectField } from '../ui/Field.tsx'
import { short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, Skeleton } from '../ui/State.tsx'

const nothing = 'no other column'

/** How the answer moves with a column in each of some rows, or with two columns at once. */
export function RowDependence({ model, version, columns }: { model: Model; version: ModelVersion; columns: readonly string[] }) {
  const [column, setColumn] = useState(columns[0] ?? '')
  const [other, setOther] = useState(nothing)
  const both = other !== nothing && other !== column
  const found = useQuery({
    queryKey: ['model', model.id, version.number, 'dependence', column, other],
    queryFn: () => atoll.models.dependence(model.id, version.number, { column, ...(both && { with: other, points: 10 }) }),
    enabled: column !== '',
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const data = found.data
  const what = data?.output ? `probability of ${data.output}` : (version.target ?? 'answer')
  const isNumber = data?.values.every((value) => typeof value === 'number') ?? false
  const places = data?.values.map((value, i) => (isNumber ? (value as number) : i)) ?? []
  return (
    <Section
      title="Row by row, or two at once"
      note="Each thin line is a background row whose column is set to each value in turn (Goldstein et al. 2015); the thick one is their mean."
    >
      <div className="mb-3 flex flex-wrap gap-3">
        <SelectField wrap="max-w-64" label="Column" value={column} choices={[...columns]} onChange={setColumn} />
        <SelectField
          wrap="max-w-64"
          label="With"
          value={other}
          choices={[nothing, ...columns.filter((one) => one !== column)]}
          onChange={setOther}
        />
      </div>
      {found.error ? (
        <ErrorNote error={found.error} />
      ) : !data ? (
        <Skeleton className="h-72" />
      ) : data.pair ? (
        <LineChart
          title={`Mean ${what} by ${column}, for values of ${data.pair.column}`}
          name={`dependence-${column}-${data.pair.column}`}
          summary={`Mean ${what} by ${column} for ${data.pair.values.length} values of ${data.pair.column}; where the lines are not alike the columns act together.`}
          xLabel={column}
          formatX={isNumber ? undefined : (value) => (Number.isInteger(value) ? shown(data.values[value] ?? '') : '')}
          yLimits={version.task === 'regression' ? undefined : [0, 1]}
          height={300}
          lines={spread(data.pair.values.length, 5).map((at) => ({
            label: shown(data.pair?.values[at] ?? ''),
            x: places,
            y: data.pair?.mean.map((row) => row[at] ?? null) ?? [],
            points: true,
          }))}
        />
      ) : (
        <LineChart
          title={`${what} by ${column}`}
          name={`ice-${column}`}
          summary={`${what} by ${column}: on the mean from ${short(data.mean[0], 3)} to ${short(data.mean.at(-1), 3)}.`}
          xLabel={isNumber ? column : `${column}: ${data.values.map(shown).join(', ')}`}
          formatX={isNumber ? undefined : (value) => (Number.isInteger(value) ? shown(data.values[value] ?? '') : '')}
          yLimits={version.task === 'regression' ? undefined : [0, 1]}
          height={300}
          legend={false}
          lines={[
            ...(data.rows ?? []).map((row, at) => ({
              label: `row ${at + 1}`,
              x: places,
              y: row,
              colour: 'color-mix(in oklab, var(--color-s6) 35%, transparent)',
              dash: '',
            })),
            {
              label: 'mean',
              x: places,
              y: data.mean,
              colour: 'var(--color-s1)',
              dash: '',
              points: true,
            },
          ]}
        />
      )}
    </Section>
  )
}

const shown = (value: number | string): string => (typeof value === 'number' ? short(value, 3) : value)

/** At most so many of the places 0 to count - 1, from the first to the last. */
const spread = (count: number, most: number): number[] =>
  count <= most
    ? Array.from({ length: count }, (_, i) => i)
    : Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)))
