import { compareShares } from '../statistics/attribution-shares.ts'
import { rankingKept } from '../statistics/ndcg.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, figure, listed, percent } from './words.ts'

const leastRows = 20

/**
 * Whether the same columns decide the answers: how much of what decides has come to other columns, and whether they matter in the order in which they did
 * (mean size of their contributions, as Amazon SageMaker Clarify compares them).
 */
export const explanationDrift: Check<'explanation_drift'> = {
  kind: 'explanation_drift',
  title: 'Explanation drift',
  needsRows: true,
  async look({ contributions }, { warning, alert, movedWarning, movedAlert, rows }) {
    const { columns, before, now } = await contributions(rows)
    if (Math.min(before.length, now.length) < leastRows)
      throw notJudged(`${Math.min(before.length, now.length)} rows of one side could be explained; ${leastRows} are needed.`)
    if (columns.length < 2) throw notJudged('A model of one column has no order of importance.')
    const importance = { before: meanSize(before), now: meanSize(now) }
    const kept = rankingKept(importance.before, importance.now)
    const shares = compareShares(before, now)
    const { moved } = shares
    return {
      pValues: [shares.pValue],
      judge([adjusted], level) {
        const isSure = adjusted! < level
        const isLarge = (order: number, share: number) => isSure && (kept < order || moved >= share)
        const state = isLarge(alert, movedAlert) ? 'alert' : isLarge(warning, movedWarning) ? 'warning' : 'quiet'
        const order = (of: readonly number[]) => columns.map((_, i) => i).sort((a, b) => of[b]! - of[a]!)
        const gain = (column: number) => shares.now[column]! - shares.before[column]!
        const risen = order(shares.now)
          .sort((a, b) => gain(b) - gain(a))
          .filter((column) => gain(column) >= Math.max(0.02, moved / 4))
          .map((column) => columns[column]!)
        const figures = `${percent(moved)} of what decides came to other columns, agreement of the order ${figure(kept)}; ${chance(adjusted!)}`
        const shown = order(importance.before).slice(0, 12)
        return {
          state,
          sentence:
            state === 'quiet'
              ? `The columns matter to the answers much as they did (${figures}).`
              : `What the answers rest on has changed: ${listed(risen)} matter${risen.length === 1 ? 's' : ''} more than before (${figures}).`,
          recommendation:
            'See whether the columns that matter more now are ones that the answers should rest on, and whether they are right.',
          evidence: {
            figures: [
              {
                name: 'moved to other columns',
                value: moved,
                baseline: 0,
                warning: movedWarning,
                alert: movedAlert,
                pValue: adjusted,
                unit: 'share',
              },
              { name: 'agreement of the order (NDCG)', value: kept, baseline: 1, warning, alert },
            ],
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
