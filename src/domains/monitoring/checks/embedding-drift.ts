import { randomFrom } from '../../evaluation/statistics/random.ts'
import { spread } from '../spread.ts'
import { tellApart } from '../statistics/domain-classifier.ts'
import { meanDiscrepancy } from '../statistics/mean-discrepancy.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, figure } from './words.ts'

const permutations = 999
const mostCompared = 250
const mostColumns = 64

/**
 * Whether what the model makes of images, sounds or texts has moved: the vectors that it answers, or the probabilities of its classes
 * (black-box shift detection: Lipton et al. 2018; Rabanser et al. 2019). The items themselves need not be kept.
 */
export const embeddingDrift: Check<'embedding_drift'> = {
  kind: 'embedding_drift',
  title: 'Embedding drift',
  needsRows: true,
  async look({ vectors }, { warning, alert, rows }) {
    const { before, now, what } = await vectors()
    const least = Math.min(before.length, now.length)
    if (least < 50) throw notJudged(`Vectors of ${least} items are known on one side; 50 are needed.`)
    const [a, b] = [spread(before, rows), spread(now, rows)]
    const both = [...a, ...b]
    const width = Math.min(mostColumns, both[0]!.length)
    const columns = Array.from({ length: width }, (_, k) => ({
      kind: 'number' as const,
      name: String(k),
      values: both.map((vector) => vector[k]!),
    }))
    const told = await tellApart(columns, a.length, randomFrom(7))
    const few = [spread(a, mostCompared), spread(b, mostCompared)] as const
    const apart = meanDiscrepancy([...few[0], ...few[1]], few[0].length, { permutations, random: randomFrom(11) })
    return {
      pValues: [told.pValue, apart.pValue],
      judge([byClassifier, byMean], level) {
        const isSure = byClassifier! < level || byMean! < level
        const state = !isSure || told.auc < warning ? 'quiet' : told.auc >= alert ? 'alert' : 'warning'
        const figures = `area under the curve ${figure(told.auc)} (${chance(byClassifier!)}), mean discrepancy ${figure(Math.max(0, apart.squared))} (${chance(byMean!)})`
        return {
          state,
          sentence:
            state === 'quiet'
              ? `By ${what} items of now cannot be told from those of before${isSure ? ' to an extent that matters' : ''}: ${figures}.`
              : `By ${what} items of now can be told from those of before: ${figures}.`,
          recommendation:
            'Look at some of the newest items beside those of training: another camera, microphone, language or subject shows at once.',
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
                pValue: byClassifier,
              },
              { name: 'mean discrepancy', value: apart.squared, baseline: 0, pValue: byMean },
            ],
            plots: [],
            columns: [],
            notes: [`${a.length} items of the baseline, ${b.length} of now; ${both[0]!.length} numbers each.`],
          },
        }
      },
    }
  },
}
