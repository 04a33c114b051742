import type { BaselineColumn } from '../baseline.ts'
import type { NowColumn } from '../compare-columns.ts'
import { shareAbove } from '../statistics/binomial.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, listed, percent } from './words.ts'

interface Fault {
  column: string
  what: 'missing' | 'outside the range of training' | 'of a category never seen' | 'of another type'
  now: { hits: number; of: number }
  before: { hits: number; of: number }
  detail: string
}

const shown = 20

/** Whether values are what the model's signature says: there, of their type, within their range, of known categories. */
export const dataQuality: Check<'data_quality'> = {
  kind: 'data_quality',
  title: 'Data quality',
  needsRows: true,
  async look({ counted, quality }, { warning, alert }) {
    const { pairs, withheld } = await counted()
    const inputs = pairs.filter(({ baseline }) => baseline.role === 'input')
    if (inputs.length === 0) throw notJudged('There is no input of numbers or categories whose values are kept.')
    const faults: Fault[] = inputs.flatMap(({ baseline, now }) => [missing(baseline, now), ...unseen(baseline, now)])
    const kept = new Map(inputs.map(({ baseline }) => [baseline.name, baseline]))
    for (const { column, rows, outside, range, wrongType } of await quality()) {
      const baseline = kept.get(column)
      if (!baseline) continue
      // All of training lay within: so many rows without a single one outside.
      const none = { hits: 0, of: baseline.rows }
      if (range) {
        const detail = `outside ${range.min} to ${range.max}`
        faults.push({ column, what: 'outside the range of training', now: { hits: outside, of: rows }, before: none, detail })
      }
      if (wrongType > 0)
        faults.push({ column, what: 'of another type', now: { hits: wrongType, of: rows }, before: none, detail: 'no numbers' })
    }
    return {
      pValues: faults.map(({ now, before }) => shareAbove(now, before, warning)),
      judge(adjusted, level) {
        const judged = faults.map((fault, i) => {
          const share = fault.now.hits / Math.max(1, fault.now.of)
          const before = fault.before.hits / Math.max(1, fault.before.of)
          const isSignificant = adjusted[i]! < level
          const state = !isSignificant ? 'quiet' : share - before >= alert ? 'alert' : 'warning'
          return { ...fault, share, beforeShare: before, pValue: adjusted[i]!, state: state as 'quiet' | 'warning' | 'alert' }
        })
        const bad = judged
          .filter(({ state }) => state !== 'quiet')
          .sort((a, b) => b.share - b.beforeShare - (a.share - a.beforeShare))
        const said = bad
          .slice(0, 3)
          .map((one) => `"${one.column}" is ${one.what} in ${percent(one.share)} of rows instead of ${percent(one.beforeShare)}`)
        const columns = [...new Set(bad.map(({ column }) => column))]
        const found = judged.filter(({ share }) => share > 0).sort((a, b) => b.share - b.beforeShare - (a.share - a.beforeShare))
        return {
          state: bad.some(({ state }) => state === 'alert') ? 'alert' : bad.length > 0 ? 'warning' : 'quiet',
          sentence:
            bad.length === 0
              ? 'Values are there, of their type, within their range and of known categories as often as in the baseline.'
              : `${said.join('; ')}${bad.length > 3 ? `; and ${bad.length - 3} more faults` : ''} (${chance(Math.min(...bad.map(({ pValue }) => pValue)))}).`,
          recommendation: `Look at where ${listed(columns)} ${columns.length === 1 ? 'comes' : 'come'} from before anything else: a broken source is not to be learnt from.`,
          evidence: {
            figures: found.slice(0, shown).map((one) => ({
              name: `${one.column}: ${one.what === 'outside the range of training' ? one.detail : one.what}`,
              value: one.share,
              baseline: one.beforeShare,
              warning: one.beforeShare + warning,
              alert: one.beforeShare + alert,
              pValue: one.pValue,
              unit: 'share',
            })),
            plots: [],
            columns,
            notes: withheld.length > 0 ? [`Not kept, so not looked at: ${withheld.join(', ')}.`] : [],
          },
        }
      },
    }
  },
}

const missing = (baseline: BaselineColumn, now: NowColumn): Fault => ({
  column: baseline.name,
  what: 'missing',
  now: { hits: now.missing, of: now.rows },
  before: { hits: baseline.missing, of: baseline.rows },
  detail: 'missing',
})

/** Rows of categories that the baseline lacks. How many there are to expect is as many as it saw once (Good 1953). */
function unseen(baseline: BaselineColumn, now: NowColumn): Fault[] {
  if (baseline.kind !== 'category' || now.kind !== 'category' || baseline.others > 0) return []
  const known = new Set(baseline.categories.map(({ value }) => value))
  const fresh = now.categories.filter(({ value }) => !known.has(value))
  return [
    {
      column: baseline.name,
      what: 'of a category never seen',
      now: { hits: fresh.reduce((sum, { count }) => sum + count, 0) + now.others, of: now.rows },
      before: { hits: baseline.categories.filter(({ count }) => count === 1).length, of: baseline.rows },
      detail: fresh
        .slice(0, 3)
        .map(({ value }) => value)
        .join(', '),
    },
  ]
}
