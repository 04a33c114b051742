import type { NumberBaseline } from './baseline.ts'
import type { Drift, DriftMeasure, DriftRule } from './compare-columns.ts'

/** One plain sentence on a column: what moved, how far, and whether it could be chance. */
export function columnSentence(c: {
  name: string
  psi: number
  test: Drift['test']
  missing: Drift['missing']
  unseen: Drift['unseen']
  state: Drift['state']
  isSignificant: boolean
  moved: { from: string; to: string } | null
  distance: number
  rule: DriftRule
}): string {
  const index = `${measureWords[c.rule.measure]} ${short(c.distance)}`
  const chance = c.test.adjustedPValue < 1e-4 ? 'p < 0.0001' : `p = ${short(c.test.adjustedPValue)}`
  if (!c.isSignificant) {
    return c.distance >= c.rule.warning
      ? `"${c.name}" may have moved (${index}), but with so few rows this can be chance (${chance}).`
      : `"${c.name}" looks as it did in training (${index}).`
  }
  if (c.state === 'quiet') return `"${c.name}" differs measurably from training (${chance}), but little (${index}).`
  const parts: string[] = []
  if (Math.abs(c.missing.now - c.missing.baseline) > 0.02) {
    parts.push(`it is missing in ${percent(c.missing.now)} of rows instead of ${percent(c.missing.baseline)}`)
  }
  if (c.unseen.length > 0) {
    const named = c.unseen.slice(0, 3).map(({ value, count }) => `"${value}" in ${count} ${count === 1 ? 'row' : 'rows'}`)
    parts.push(`it holds values never seen in training (${named.join(', ')})`)
  }
  if (c.moved && (parts.length === 0 || c.test.name === 'ks')) parts.push(`${c.moved.from} and now ${c.moved.to}`)
  const limit = c.state === 'alert' ? `alert from ${c.rule.alert}` : `warning from ${c.rule.warning}`
  return `"${c.name}" has drifted: ${parts.join('; ')} (${index}, ${limit}; ${chance}).`
}

export const measureWords: Record<DriftMeasure, string> = {
  psi: 'stability index',
  jensen_shannon: 'Jensen-Shannon distance',
  total_variation: 'total variation',
  wasserstein: 'Wasserstein distance',
}

/** The report in one sentence. */
export function reportSentence(columns: readonly Drift[], rows: number, source: string): string {
  const drifted = columns.filter((column) => column.state !== 'quiet')
  if (drifted.length === 0) return `Nothing has drifted: ${rows} rows of ${source} look as the training data did.`
  const names = drifted
    .toSorted((a, b) => b.psi - a.psi)
    .slice(0, 4)
    .map((column) => `"${column.column}"`)
  const more = drifted.length > names.length ? ` and ${drifted.length - names.length} more` : ''
  const have = drifted.length === 1 ? 'has' : 'have'
  return `${drifted.length} of ${columns.length} columns ${have} drifted in ${rows} rows of ${source}: ${names.join(', ')}${more}.`
}

/** What to do about a report that raised an alarm. */
export function recommendation(columns: readonly Drift[]): string {
  const drifted = columns.filter((column) => column.state !== 'quiet')
  const broken = drifted.find((column) => column.missing.now > column.missing.baseline + 0.2)
  if (broken)
    return `Look at where "${broken.column}" comes from first: a missing source looks like drift, and retraining would learn it.`
  const unseen = drifted.find((column) => column.unseen.length > 0)
  const inputs = drifted.filter((column) => column.kind !== 'prediction')
  if (inputs.length === 0)
    return 'Only the predictions moved. Compare them with outcomes as these become known before changing the model.'
  const retrain =
    'If the change is real, train a version on data that includes it, compare the two on the same sealed rows, and deploy the better one.'
  return unseen ? `Check that the new values of "${unseen.column}" are meant. ${retrain}` : retrain
}

export function shownValue(value: number, format: NumberBaseline['format']): string {
  if (format === 'datetime') return new Date(value).toISOString().slice(0, 10)
  const text = String(Number(value.toPrecision(4)))
  return format === 'length' ? `${text} characters` : text
}

const short = (value: number): string => String(Number(value.toPrecision(2)))
const percent = (value: number): string => `${Number((100 * value).toPrecision(2))} %`
