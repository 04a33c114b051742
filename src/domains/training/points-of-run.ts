import type { Point } from '../experiments/metric-store.ts'
import type { Assembled } from './assemble.ts'
import { baselineOf } from './result.ts'

/** The figures that a finished training leaves in its run: at the end, and by number of rows. */
export function pointsOfRun({ training, evaluation, validation, learningCurve }: Assembled): Point[] {
  const series = (prefix: string, values: Record<string, number>): Point[] =>
    Object.entries(values).map(([name, value]) => ({ name: `${prefix}.${name}`, value, step: 0 }))
  return [
    ...series('validation', Object.fromEntries(Object.entries(validation).map(([name, { mean }]) => [name, mean]))),
    ...series('test', Object.fromEntries(Object.entries(evaluation.metrics).map(([name, { value }]) => [name, value]))),
    ...series('baseline', baselineOf(training.baseline ?? {})),
    ...(learningCurve?.points ?? []).flatMap((point): Point[] => [
      { name: 'learning_curve.train', value: point.train, step: point.rows },
      { name: 'learning_curve.validation', value: point.validation, step: point.rows },
    ]),
    ...(training.seconds === undefined ? [] : [{ name: 'seconds', value: training.seconds, step: 0 }]),
  ]
}
