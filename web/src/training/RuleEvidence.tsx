import type { WatchedTraining } from '@atoll/sdk'
import { Bars } from '../charts/Bars.tsx'
import { type Line, LineChart } from '../charts/LineChart.tsx'
import { short } from '../ui/format.ts'
import type { RuleWords } from './rules.ts'

type Evidence = WatchedTraining['evidence'][number]

/** A small picture of what a rule saw, with the bound that it is held to. */
export function RuleEvidence({
  rule,
  evidence,
  threshold,
}: {
  rule: RuleWords
  evidence: readonly Evidence[]
  threshold: number | null
}) {
  const shown = evidence.at(-1)!
  const { series, by } = shown
  const isBars = rule.picture === 'bars'
  const title = `${rule.title}: ${rule.unit}`
  if (isBars)
    return (
      <Bars
        title={title}
        showTitle={false}
        name={`rule-${rule.name}`}
        valueLabel={rule.unit}
        summary={`${rule.unit}: ${series.map((one) => `${one.name} ${short(one.y.at(-1), 3)}`).join(', ')}.`}
        rows={series.map((one) => ({ label: nameOfPart(one.name), value: one.y.at(-1) ?? 0 }))}
      />
    )
  const asDrawn = rule.picture === 'powers' ? power : (value: number | null) => value
  const lines: Line[] = series.map((one) => ({
    label: nameOfPart(one.name),
    x: one.x,
    y: one.y.map(asDrawn),
    points: one.x.length < 4,
  }))
  const xs = series.flatMap((one) => one.x)
  const bound = threshold === null ? null : asDrawn(threshold)
  if (bound !== null && xs.length > 0)
    lines.push({
      label: 'bound',
      x: [Math.min(...xs), Math.max(...xs)],
      y: [bound, bound],
      colour: 'var(--color-bad)',
      dash: '5 4',
    })
  return (
    <LineChart
      title={title}
      showTitle={false}
      name={`rule-${rule.name}`}
      height={170}
      xLabel={by}
      yLabel={rule.unit}
      formatX={(value) => String(Math.round(value))}
      yLimits={rule.unit.startsWith('share') ? [0, null] : undefined}
      formatY={rule.picture === 'powers' ? (value) => (10 ** value).toExponential(0) : undefined}
      summary={`${rule.unit} by ${by}: ${series.map((one) => `${one.name} ends at ${figure(one.y.at(-1))}`).join('; ')}${
        threshold === null ? '' : `; the bound is ${figure(threshold)}`
      }.`}
      lines={lines}
    />
  )
}

/** Networks of tables name their weights with a mark that no name of ours has. */
export const nameOfPart = (name: string) => name.replaceAll('__', '.')
const power = (value: number | null) => (value !== null && value > 0 ? Math.log10(value) : null)
const figure = (value: number | null | undefined) =>
  value == null ? 'nothing' : value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : short(value, 3)
