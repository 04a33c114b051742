import type * as z from 'zod'
import type { OutputDifferences } from '../evaluation/paired-outputs.ts'
import type { PairedPredictions } from '../evaluation/paired-predictions.ts'
import { short } from '../goals/outcome.ts'
import type { Evaluation, ModelVersion } from '../registry/schema.ts'
import type { ReplayResult } from './schema.ts'

type Environment = { python?: string; packages?: Record<string, string> }

/** Predictions of the same model on another machine may differ in the last digits of float32. */
const tolerance = 1e-5

/** Whether a version that was made again is the same: graph, threshold, every prediction on the sealed rows, figures, environment. */
export function compareReplay(compared: {
  version: Pick<ModelVersion, 'id' | 'modelName' | 'number'>
  paired: PairedPredictions | OutputDifferences | null
  graph: { before: string | null; now: string | null }
  threshold: { before: number | null; now: number | null }
  metrics: { before: Evaluation['metrics']; now: Evaluation['metrics'] }
  environment: { before: Environment; now: Environment }
}): z.infer<typeof ReplayResult> {
  const { version, paired, graph, threshold, metrics, environment } = compared
  const { flips, maxDiff } = paired ? ('flips' in paired ? paired : differences(paired)) : { flips: 0, maxDiff: Number.MAX_VALUE }
  const graphIdentical = graph.before !== null && graph.before === graph.now
  const same = paired !== null && flips === 0 && maxDiff <= tolerance
  const changed = changedPackages(environment.before, environment.now)
  const name = `${version.modelName}:${version.number}`
  const rows = paired?.rows ?? 0
  const figures = `${flips} of ${rows} labels on the sealed rows differ, the largest difference is ${maxDiff.toExponential(1)}`
  const why = changed.length > 0 ? ` The environment has changed: ${changed.join(', ')}.` : ''
  return {
    version: version.id,
    same,
    graphIdentical,
    rows,
    flips,
    maxDiff,
    threshold,
    metrics: Object.fromEntries(
      Object.entries(metrics.before).map(([metric, { value }]) => [
        metric,
        { before: value, now: metrics.now[metric]?.value ?? null },
      ]),
    ),
    environmentChanged: changed,
    sentence: same
      ? `${name} was made again and is the same${graphIdentical ? ', to the byte' : ''}: ${figures}.${why}`
      : `${name} was made again and differs: ${figures}; the threshold was ${shown(threshold.before)} and is ${shown(threshold.now)}.${why || ' The environment is the same.'}`,
  }
}

const shown = (value: number | null): string => (value === null ? 'none' : short(value))

function differences({ a, b }: PairedPredictions): { flips: number; maxDiff: number } {
  let flips = 0
  let maxDiff = 0
  if (a.kind === 'classes' && b.kind === 'classes') {
    for (let i = 0; i < a.label.length; i++) if (a.label[i] !== b.label[i]) flips++
    for (let i = 0; i < a.probabilities.length; i++)
      maxDiff = Math.max(maxDiff, Math.abs(a.probabilities[i]! - b.probabilities[i]!))
  }
  if (a.kind === 'numbers' && b.kind === 'numbers')
    for (let i = 0; i < a.predicted.length; i++)
      maxDiff = Math.max(maxDiff, Math.abs(a.predicted[i]! - b.predicted[i]!) / Math.max(1, Math.abs(a.predicted[i]!)))
  return { flips, maxDiff }
}

function changedPackages(before: Environment, now: Environment): string[] {
  const flat = ({ python, packages = {} }: Environment): Record<string, string> => ({ ...(python && { python }), ...packages })
  const [old, current] = [flat(before), flat(now)]
  return [...new Set([...Object.keys(old), ...Object.keys(current)])]
    .filter((name) => old[name] !== current[name])
    .map((name) => `${name} ${old[name] ?? 'absent'} to ${current[name] ?? 'absent'}`)
}
