import type { Point } from '../experiments/metric-store.ts'
import type { Assembled } from './assemble.ts'
import { baselineOf } from './result.ts'

/** The figures that a finished training leaves in its run. */
export function pointsOfRun({ training, evaluation, validation }: Assembled): Point[] {
  const series = (prefix: string, values: Record<string, number>): Point[] =>
    Object.entries(values).map(([name, value]) => ({ name: `${prefix}.${name}`, value, step: 0 }))
  return [
    ...series('validation', Object.fromEntries(Object.entries(validation).map(([name, { mean }]) => [name, mean]))),
    ...series('test', Object.fromEntries(Object.entries(evaluation.metrics).map(([name, { value }]) => [name, value]))),
    ...series('baseline', baselineOf(training.baseline ?? {})),
    ...(training.seconds === undefined ? [] : [{ name: 'seconds', value: training.seconds, step: 0 }]),
  ]
}
