import { bias } from './bias.ts'
import type { Check } from './check.ts'
import { dataDrift } from './data-drift.ts'
import { dataQuality } from './data-quality.ts'
import { embeddingDrift } from './embedding-drift.ts'
import { explanationDrift } from './explanation-drift.ts'
import { type Watched, whyUnfit } from './fits.ts'
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

/** What is looked at where nobody chose, as far as it suits the model. */
const usual = [
  'data_quality',
  'data_drift',
  'multivariate_drift',
  'prediction_drift',
  'performance',
  'performance_estimate',
  'embedding_drift',
  'operations',
] as const satisfies CheckKind[]

/** The checks that suit a model where nobody chose: texts are watched by what the model makes of them, columns each and together. */
export function usualChecks(watched: Watched): CheckInput[] {
  const { inputs } = watched.signature
  const readsColumns = inputs.some(({ tensor }) => tensor === 'numbers' || tensor === 'strings')
  const readsItems = inputs.some(({ tensor }) => tensor === 'image' || tensor === 'audio' || tensor === 'tokens')
  const ofColumns: readonly CheckKind[] = ['data_quality', 'data_drift', 'multivariate_drift']
  return usual
    .filter((kind) => whyUnfit(kind, watched) === null)
    .filter((kind) => (ofColumns.includes(kind) ? readsColumns : kind !== 'embedding_drift' || readsItems))
    .map((kind) => CheckInput.parse({ kind }))
}
