import type { Task } from '../../goals/schema.ts'
import type { Signature } from '../../registry/schema.ts'
import { bias } from './bias.ts'
import type { Check } from './check.ts'
import { dataDrift } from './data-drift.ts'
import { dataQuality } from './data-quality.ts'
import { embeddingDrift } from './embedding-drift.ts'
import { explanationDrift } from './explanation-drift.ts'
import { multivariateDrift } from './multivariate-drift.ts'
import { operations } from './operations.ts'
import { performance } from './performance.ts'
import { performanceEstimate } from './performance-estimate.ts'
import { predictionDrift } from './prediction-drift.ts'
import { CheckInput, type CheckKind } from './settings.ts'

/** The checks that a monitor may be made of. */
export const allChecks: { [Kind in CheckKind]: Check<Kind> } = {
  data_quality: dataQuality,
  data_drift: dataDrift,
  multivariate_drift: multivariateDrift,
  prediction_drift: predictionDrift,
  performance,
  performance_estimate: performanceEstimate,
  bias,
  explanation_drift: explanationDrift,
  embedding_drift: embeddingDrift,
  operations,
}

export const checkOf = (kind: CheckKind): Check<any> => allChecks[kind]

const ofClasses: readonly Task[] = ['binary', 'multiclass']

/** The checks that suit a model where nobody chose. */
export function usualChecks({ task, inputs }: Signature): CheckInput[] {
  const readsColumns = inputs.some(({ tensor }) => tensor === 'numbers' || tensor === 'strings')
  const kinds: CheckKind[] = [
    ...(readsColumns ? (['data_quality', 'data_drift', 'multivariate_drift'] as const) : []),
    'prediction_drift',
    ...(ofClasses.includes(task) || task === 'regression' ? (['performance'] as const) : []),
    ...(ofClasses.includes(task) ? (['performance_estimate'] as const) : []),
    ...(inputs.some(({ tensor }) => tensor === 'image' || tensor === 'audio' || tensor === 'tokens')
      ? (['embedding_drift'] as const)
      : []),
    'operations',
  ]
  return kinds.map((kind) => CheckInput.parse({ kind }))
}
