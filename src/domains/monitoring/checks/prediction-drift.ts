import type { Check } from './check.ts'
import { findColumnDrift } from './column-drift.ts'
import { notJudged } from './not-judged.ts'

/** Whether the model answers as it did of rows that it had not seen. */
export const predictionDrift: Check<'prediction_drift'> = {
  kind: 'prediction_drift',
  title: 'Prediction drift',
  needsRows: true,
  async look(looked, settings) {
    const counted = await looked.counted()
    const pairs = counted.pairs.filter(({ baseline }) => baseline.role === 'prediction')
    if (pairs.length === 0)
      throw notJudged('What the model answers has nothing to be compared with: no answers of the baseline are known.')
    return findColumnDrift(looked, { pairs, withheld: [] }, settings)
  },
}
