import { randomFrom } from '../../evaluation/statistics/random.ts'
import { rankingKept } from '../statistics/ndcg.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, figure, listed } from './words.ts'

const permutations = 499
const leastRows = 20

/** Whether the columns matter to the answers in the order in which they did: mean size of their contributions, as Amazon SageMaker Clarify compares them. */
export const explanationDrift: Check<'explanation_drift'> = {
  kind: 'explanation_drift',
  title: 'Explanation drift',
  needsRows: true,
  async look({ contributions }, { warning, alert, rows }) {
    const { columns, before, now } = await contributions(rows)
    if (Math.min(before.length, now.length) < leastRows)
      throw notJudged(`${Math.min(before.length, now.length)} rows of one side could be explained; ${leastRows} are needed.`)
    if (columns.length < 2) throw notJudged('A model of one column has no order of importance.')
    const importance = { before: meanSize(before), now: meanSize(now) }
    const kept = rankingKept(importance.before, importance.now)
    const pValue = permuted([...before, ...now], before.length, kept)
    return {
      pValues: [pValue],
      judge([adjusted], level) {
        const isSure = adjusted! < level
        const state = !isSure || kept >= warning ? 'quiet' : kept < alert ? 'alert' : 'warning'
        const order = (of: readonly number[]) => columns.map((_, i) => i).sort((a, b) => of[b]! - of[a]!)
        const [then, after] = [order(importance.before), order(importance.now)]
        const risen = after.filter((column) => after.indexOf(column) < then.indexOf(column)).map((column) => columns[column]!)
        const figures = `agreement with the order before ${figure(kept)}, 1 is the same; ${chance(adjusted!)}`
        const shown = then.slice(0, 12)
        return {
          state,
          sentence:
            state === 'quiet'
              ? `The columns matter to the answers much as they did (${figures}).`
              : `What the answers rest on has changed: ${listed(risen)} matter more than before (${figures}).`,
          recommendation:
            'See whether the columns that matter more now are ones that the answers should rest on, and whether they are right.',
          evidence: {
            figures: [{ name: 'agreement of the order (NDCG)', value: kept, baseline: 1, warning, alert, pValue: adjusted }],
            plots: [
              {
                title: 'Mean size of the contribution to an answer',
                kind: 'bars',
                labels: shown.map((column) => columns[column]!),
                series: [
                  { name: 'before', values: shown.map((column) => importance.before[column]!) },
                  { name: 'now', values: shown.map((column) => importance.now[column]!) },
                ],
              },
            ],
            columns: state === 'quiet' ? [] : risen.slice(0, 5),
            notes: [`${before.length} rows of the baseline, ${now.length} of now.`],
          },
        }
      },
    }
  },
}

const meanSize = (rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.map((_, column) => rows.reduce((sum, row) => sum + Math.abs(row[column]!), 0) / rows.length)

/** How often rows that change sides by chance keep the order no better. */
function permuted(rows: (readonly number[])[], before: number, seen: number): number {
  const random = randomFrom(7)
  const order = [...rows]
  let asFar = 0
  for (let p = 0; p < permutations; p++) {
    for (let k = order.length - 1; k > 0; k--) {
      const other = random.below(k + 1)
      const kept = order[k]!
      order[k] = order[other]!
      order[other] = kept
    }
    if (rankingKept(meanSize(order.slice(0, before)), meanSize(order.slice(before))) <= seen + 1e-12) asFar++
  }
  return (1 + asFar) / (1 + permutations)
}
