import type { Check } from './check.ts'
import { findColumnDrift } from './column-drift.ts'
import { notJudged } from './not-judged.ts'

/** Whether inputs are distributed as they were, column by column. */
export const dataDrift: Check<'data_drift'> = {
  kind: 'data_drift',
  title: 'Data drift',
  needsRows: true,
  async look(looked, settings) {
    const counted = await looked.counted()
    const wanted = settings.columns && new Set(settings.columns)
    const pairs = counted.pairs.filter(({ baseline: { role, name } }) => role === 'input' && (!wanted || wanted.has(name)))
    if (pairs.length === 0) throw notJudged('There is no input whose values are kept and can be compared.')
    return findColumnDrift(looked, { ...counted, pairs }, settings)
  },
}
