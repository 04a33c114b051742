import { randomFrom } from '../../evaluation/statistics/random.ts'
import { tellApart } from '../statistics/domain-classifier.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, figure, listed } from './words.ts'

const leastRows = 100

/** Whether rows of now can be told from rows of the baseline by all columns together: it sees what no column shows by itself. */
export const multivariateDrift: Check<'multivariate_drift'> = {
  kind: 'multivariate_drift',
  title: 'Multivariate drift',
  needsRows: true,
  async look({ sampled }, { warning, alert, rows }) {
    const { columns, baselineRows } = await sampled(rows)
    if (columns.length === 0) throw notJudged('There is no input of numbers or categories whose values are kept.')
    const nowRows = columns[0]!.values.length - baselineRows
    if (Math.min(baselineRows, nowRows) < leastRows)
      throw notJudged(`A classifier needs ${leastRows} whole rows of either side; there are ${Math.min(baselineRows, nowRows)}.`)
    const told = await tellApart(columns, baselineRows, randomFrom(7))
    return {
      pValues: [told.pValue],
      judge([pValue], level) {
        const isSignificant = pValue! < level
        const state = !isSignificant || told.auc < warning ? 'quiet' : told.auc >= alert ? 'alert' : 'warning'
        const names = told.columns.slice(0, 5).map(({ name }) => name)
        const area = `area under the curve ${figure(told.auc)}, 95 % interval ${figure(told.low)} to ${figure(told.high)}; ${chance(pValue!)}`
        return {
          state,
          sentence:
            state === 'quiet'
              ? `Rows of now cannot be told from those of the baseline by all columns together${isSignificant ? ' to an extent that matters' : ''} (${area}).`
              : `Rows of now can be told from those of the baseline, mostly by ${listed(names)} (${area}).`,
          recommendation: `Look at ${listed(names)} together: each by itself may look as before while how they go together has changed.`,
          evidence: {
            figures: [
              {
                name: 'area under the curve',
                value: told.auc,
                low: told.low,
                high: told.high,
                baseline: 0.5,
                warning,
                alert,
                pValue,
              },
            ],
            plots:
              told.columns.length === 0
                ? []
                : [
                    {
                      title: 'What tells them apart: the area that is lost without a column',
                      kind: 'bars',
                      labels: told.columns.slice(0, 15).map(({ name }) => name),
                      series: [{ name: 'loss', values: told.columns.slice(0, 15).map(({ loss }) => loss) }],
                    },
                  ],
            columns: state === 'quiet' ? [] : names,
            notes: [
              `${baselineRows} rows of the baseline, ${nowRows} of now; boosted trees, each half judged by what the other taught.`,
            ],
          },
        }
      },
    }
  },
}
