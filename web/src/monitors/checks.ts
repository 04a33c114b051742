import type { CheckInput, CheckKind, Endpoint } from '@atoll/sdk'

/** What each check asks, in a few words. */
export const checkWords: Record<CheckKind, { title: string; asks: string }> = {
  data_quality: {
    title: 'Data quality',
    asks: 'Missing values, wrong types, values outside the range of training, categories never seen.',
  },
  data_drift: { title: 'Data drift', asks: 'Each input by itself: is it distributed as before?' },
  multivariate_drift: { title: 'Multivariate drift', asks: 'All inputs together: can a classifier tell now from before?' },
  prediction_drift: { title: 'Prediction drift', asks: 'Does the model answer as it did?' },
  performance: { title: 'Performance', asks: 'How right it is where the truth is known by now.' },
  performance_estimate: {
    title: 'Estimated performance',
    asks: 'How right a classifier is likely to be, before any truth is known.',
  },
  bias: { title: 'Bias', asks: 'How groups of people fare, against the fairness policies.' },
  explanation_drift: { title: 'Explanation drift', asks: 'Do the same columns matter most? Explains up to 100 rows a run.' },
  embedding_drift: { title: 'Embedding drift', asks: 'What the model makes of images, sounds or texts: has it moved?' },
  operations: { title: 'Operations', asks: 'Errors, latency, load and cost of the last hour.' },
}

/** The checks that suit a model, as a monitor takes them where nobody chooses. */
export function usualKinds({ signature: { task, inputs, decoding } }: Pick<Endpoint, 'signature'>): CheckKind[] {
  if (task === 'generation') return ['operations']
  const reads = (...tensors: string[]) => inputs.some(({ tensor }) => tensors.includes(tensor))
  const isOfClasses = task === 'binary' || task === 'multiclass'
  const kinds: [CheckKind, boolean][] = [
    ['data_quality', reads('numbers', 'strings')],
    ['data_drift', reads('numbers', 'strings')],
    ['multivariate_drift', reads('numbers', 'strings')],
    ['prediction_drift', isOfClasses || task === 'regression' || decoding != null],
    ['performance', isOfClasses || task === 'regression'],
    ['performance_estimate', isOfClasses],
    ['embedding_drift', reads('image', 'audio', 'tokens')],
    ['operations', true],
  ]
  return kinds.flatMap(([kind, suits]) => (suits ? [kind] : []))
}

/** A check as it was set, or with the usual settings. */
export const withKind = (checks: readonly CheckInput[], kind: CheckKind): CheckInput =>
  checks.find((check) => check.kind === kind) ?? ({ kind } as CheckInput)
