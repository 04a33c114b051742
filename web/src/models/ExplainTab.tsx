import type { Model, ModelVersion, VersionDetails } from '@atoll/sdk'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { Bars } from '../charts/Bars.tsx'
import { LineChart } from '../charts/LineChart.tsx'
import { linear } from '../charts/scale.ts'
import { lessIsBetter } from '../goals/metrics.ts'
import { SelectField } from '../ui/Field.tsx'
import { count, fixed, metricName, short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Empty } from '../ui/State.tsx'
import { Contributions } from './Contributions.tsx'
import { type ExplainFile, explainOf, shapOf } from './evidence.ts'
import { NearObjects } from './found/NearObjects.tsx'
import { Gradients, hasGradients } from './Gradients.tsx'
import { OneRow } from './OneRow.tsx'
import { RowDependence } from './RowDependence.tsx'
import { Terms } from './Terms.tsx'

/** Which columns matter, on the whole and for one row, and how the answer moves with each. */
export function ExplainTab({ details, model, version }: { details: VersionDetails; model: Model; version: ModelVersion }) {
  const shap = shapOf(details)
  const explain = explainOf(details)
  const hasImportance = explain !== null && (explain.permutation ?? []).length > 0
  const hasBackground = version.manifest.files.some(({ path }) => path === 'background.json')
  const terms = explain?.terms?.filter((one) => one.terms.length > 0) ?? []
  const byGradients = hasGradients(version)
  return (
    <div className="space-y-6">
      {shap && <Contributions shap={shap} version={version} />}
      {Object.entries(explain?.objects ?? {}).map(([column, objects]) => (
        <NearObjects key={column} column={column} objects={objects} />
      ))}
      {terms.length > 0 && <Terms terms={terms} from={explain?.termsFrom ?? ''} />}
      {(hasBackground || !byGradients) && <OneRow model={model} version={version} hasBackground={hasBackground} />}
      {byGradients && <Gradients model={model} version={version} />}
      {shap && (
        <RowDependence
          model={model}
          version={version}
          columns={shap.columns.filter(({ type }) => type !== 'text').map(({ column }) => column)}
        />
      )}
      {hasImportance ? (
        <Importance explain={explain} version={version} />
      ) : (
        !shap &&
        terms.length === 0 &&
        !byGradients && (
          <Empty title="No explanation was made">The training job was asked to leave importance out, or ran out of time.</Empty>
        )
      )}
    </div>
  )
}

function Importance({ explain, version }: { explain: ExplainFile; version: ModelVersion }) {
  const navigate = useNavigate()
  const wanted = useSearch({ strict: false }).column
  const ranked = [...explain.permutation].sort((a, b) => b.mean - a.mean)
  const shown =
    explain.partialDependence.find((one) => one.column === wanted) ??
    explain.partialDependence.find((one) => one.column === ranked[0]?.column) ??
    explain.partialDependence[0]
  const choose = (column: string) =>
    void navigate({ to: '.', search: (old) => ({ ...old, column }), replace: true, resetScroll: false })
  // As many decimals for all as the greatest can use.
  const decimals = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(ranked[0]?.mean ?? 1) || 1))))
  const top = ranked.slice(0, 3).map((one) => one.column)
  return (
    <div className="grid items-start gap-6 xl:grid-cols-2">
      <Section
        title="Importance"
        note={`How much ${metricName(explain.metric)} ${lessIsBetter.has(explain.metric) ? 'rises' : 'falls'} when a column is shuffled (Breiman 2001).`}
      >
        <Bars
          title="Permutation importance"
          showTitle={false}
          name="importance"
          valueLabel={`${lessIsBetter.has(explain.metric) ? 'rise' : 'fall'} of ${explain.metric}`}
          summary={`The columns that matter most: ${top.join(', ')}.`}
          rows={ranked
            .slice(0, 25)
            .map((one) => ({ label: one.column, value: one.mean, low: one.mean - one.std, high: one.mean + one.std }))}
          format={(value) => fixed(value, decimals)}
          onPick={(row) => choose(row.label)}
        />
        {ranked.length > 25 && (
          <p className="mt-1 text-sm text-faint">{ranked.length - 25} columns matter less; the CSV has them all.</p>
        )}
      </Section>
      {shown && (
        <Section
          title="How the answer moves"
          note="The mean answer when the column is set to each value in turn (Friedman 2001)."
        >
          <SelectField
            wrap="mb-3 max-w-72"
            label="Column"
            value={shown.column}
            choices={explain.partialDependence.map((one) => one.column)}
            onChange={choose}
          />
          <Dependence one={shown} version={version} />
        </Section>
      )}
    </div>
  )
}

function Dependence({ one, version }: { one: ExplainFile['partialDependence'][number]; version: ModelVersion }) {
  const classes = version.signature.classes ?? []
  const many = Array.isArray(one.response[0])
  const what =
    version.task === 'regression'
      ? (version.target ?? 'value')
      : many && classes.length > 2
        ? 'probability of each class'
        : `probability of ${version.signature.positive ?? classes[1] ?? version.target}`
  // Of two classes the second says it all.
  const responses = many
    ? (one.response as number[][])[0]!
        .map((_, at) => ({ label: classes[at] ?? String(at), y: (one.response as number[][]).map((row) => row[at] ?? null) }))
        .filter((_, at, all) => all.length > 2 || at === 1)
    : [{ label: what, y: one.response as number[] }]
  const [chosen, setChosen] = useState(responses[0]?.label)
  const shown = responses.find((response) => response.label === chosen) ?? responses[0]
  const numbers = one.values.every((value) => typeof value === 'number')
  const first = (numbers ? responses[0] : shown)?.y ?? []
  const summary = `${what} by ${one.column}: from ${short(first[0], 3)} at ${String(one.values[0])} to ${short(first.at(-1), 3)} at ${String(one.values.at(-1))}.`
  if (!numbers) {
    const ofOne = responses.length > 1 ? `probability of ${shown?.label}` : what
    return (
      <>
        {responses.length > 1 && (
          <SelectField
            wrap="mb-3 max-w-72"
            label="Class"
            value={shown?.label ?? ''}
            choices={responses.map((response) => response.label)}
            onChange={setChosen}
          />
        )}
        <Bars
          title={`${ofOne} by ${one.column}`}
          name={`dependence-${one.column}`}
          valueLabel={ofOne}
          summary={summary}
          rows={one.values.map((value, at) => ({
            label: value === null ? '(missing)' : String(value),
            value: first[at] ?? 0,
            note: count(one.counts[at] ?? 0, 'row'),
          }))}
        />
      </>
    )
  }
  return (
    <LineChart
      title={`${what} by ${one.column}`}
      name={`dependence-${one.column}`}
      summary={summary}
      xLabel={one.column}
      yLimits={version.task === 'regression' ? undefined : [0, 1]}
      height={300}
      lines={responses
        .slice(0, 6)
        .map((response) => ({ label: response.label, x: one.values as number[], y: response.y, points: one.values.length < 30 }))}
      under={({ x, box }) => {
        const height = linear([0, Math.max(1, ...one.counts)], [0, 30])
        return one.values.map((value, at) => (
          <line
            key={String(value)}
            x1={x(value as number)}
            x2={x(value as number)}
            y1={box.bottom}
            y2={box.bottom - height(one.counts[at] ?? 0)}
            stroke="var(--color-s6)"
            strokeWidth="3"
            opacity="0.3"
          />
        ))
      }}
    />
  )
}
