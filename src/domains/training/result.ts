import type * as z from 'zod'
import type { Parity } from '../registry/schema.ts'
import type { Assembled } from './assemble.ts'
import type { TrainingResult } from './schema.ts'
import type { TrainingSpec } from './spec.ts'

/** What a finished training job answers. */
export function trainingResult(
  spec: TrainingSpec,
  registered: { modelId: string; number: number },
  { training, evaluation, outcome, validation }: Assembled,
  parity: z.infer<typeof Parity>,
): TrainingResult {
  return {
    model: spec.modelName,
    modelId: registered.modelId,
    version: registered.number,
    versionId: spec.versionId,
    run: spec.runId,
    algorithm: training.algorithm,
    task: spec.parameters.task,
    validation: Object.fromEntries(Object.entries(validation).map(([name, { mean }]) => [name, mean])),
    test: Object.fromEntries(
      Object.entries(evaluation.metrics).map(([name, { value, low, high }]) => [name, { value, low, high }]),
    ),
    baseline: baselineOf(training.baseline ?? {}),
    goal: outcome && { met: outcome.met, sentence: outcome.sentence },
    parity: { rows: parity.rows, flips: parity.flips, maxDiff: parity.maxDiff },
    served: parity.served,
  }
}

export const baselineOf = (baseline: Record<string, unknown>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(baseline).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
    ),
  )
