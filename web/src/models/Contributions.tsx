import type { GlobalShap, ModelVersion } from '@atoll/sdk'
import { useState } from 'react'
import { Bars } from '../charts/Bars.tsx'
import { Beeswarm } from '../charts/Beeswarm.tsx'
import { SelectField } from '../ui/Field.tsx'
import { count } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'

const shownColumns = 20

/** How much each column moves the answers, over held-out rows. */
export function Contributions({ shap, version }: { shap: GlobalShap; version: ModelVersion }) {
  const outputs = shap.outputs ?? []
  const [chosen, setChosen] = useState('(all)')
  const positive = version.task === 'binary' ? outputs.indexOf(version.signature.positive ?? outputs[1] ?? '') : -1
  const importance = (means: readonly number[]): number =>
    positive >= 0
      ? (means[positive] ?? 0)
      : chosen === '(all)'
        ? means.reduce((a, b) => a + b, 0)
        : (means[outputs.indexOf(chosen)] ?? 0)
  const ranked = shap.columns.map((one) => ({ ...one, value: importance(one.meanAbsolute) })).sort((a, b) => b.value - a.value)
  const swarms = ranked.filter((one) => one.contributions !== undefined).slice(0, shownColumns)
  const top = ranked.slice(0, 3).map((one) => one.column)
  const what =
    version.task === 'regression'
      ? version.target
      : positive >= 0
        ? `probability of ${outputs[positive]}`
        : 'probability of the predicted class'
  return (
    <div className="grid items-start gap-6 xl:grid-cols-2">
      <Section
        title="Contributions on the whole"
        note={`Mean absolute Shapley value of each column over ${count(shap.rows, 'held-out row')}.`}
      >
        {outputs.length > 2 && (
          <SelectField wrap="mb-3 max-w-72" label="Class" value={chosen} choices={['(all)', ...outputs]} onChange={setChosen} />
        )}
        <Bars
          title="Mean absolute contribution"
          showTitle={false}
          name="shap"
          valueLabel="mean absolute contribution"
          summary={`The columns that move the answers most: ${top.join(', ')}.`}
          rows={ranked.slice(0, shownColumns).map((one) => ({ label: one.column, value: one.value }))}
        />
      </Section>
      <Section
        title="Row by row"
        note={`A dot is a row: how far the column moved the ${what}, and whether its value is high or low.`}
      >
        <Beeswarm
          title="Contributions by row"
          name="beeswarm"
          summary={`Contributions of ${swarms.length} columns for each of ${shap.rows} rows; the widest spread has ${top[0] ?? 'none'}.`}
          swarms={swarms.map((one) => ({ label: one.column, values: one.contributions ?? [], places: one.places ?? [] }))}
        />
      </Section>
    </div>
  )
}
