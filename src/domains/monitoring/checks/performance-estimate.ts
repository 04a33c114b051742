import { randomFrom } from '../../evaluation/statistics/random.ts'
import { metricTitle } from '../../goals/metrics.ts'
import { lowerIsBetter } from '../../goals/schema.ts'
import { probabilitiesOf } from '../answers.ts'
import { estimatePerformance } from '../statistics/estimated-performance.ts'
import { normalUpperTail } from '../statistics/rank-auc.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { metricFor } from './performance.ts'
import { chance, figure } from './words.ts'

/** How right a classifier is likely to be, from how sure it is, before any truth is known. */
export const performanceEstimate: Check<'performance_estimate'> = {
  kind: 'performance_estimate',
  title: 'Estimated performance',
  needsRows: true,
  async look({ monitor, version, answers, sealed }, { metric: wanted, warning, alert }) {
    const { classes } = version.signature
    if (classes === null) throw notJudged('An estimate without truth needs probabilities, which a predicted number has not.')
    const metric = metricFor(version, wanted)
    const known = await sealed()
    const said = (await answers()).filter(({ said: { label, probabilities } }) => probabilities && classes.includes(label ?? ''))
    if (known.kind !== 'classes' || said.length < monitor.minimum_rows)
      throw notJudged(`Only ${said.length} answers with probabilities are known; ${monitor.minimum_rows} are needed.`)
    const found = await estimatePerformance(
      metric,
      known,
      {
        classes: classes.length,
        label: Int32Array.from(said, ({ said: { label } }) => classes.indexOf(label!)),
        probabilities: probabilitiesOf(classes, said),
      },
      { lowerIsBetter: lowerIsBetter.has(metric), random: randomFrom(7) },
    )
    const share = found.loss / Math.max(Math.abs(found.before), 1e-12)
    return {
      pValues: [normalUpperTail(found.loss / found.error)],
      judge([pValue], level) {
        const isWorse = pValue! < level && share >= warning
        const title = metricTitle[metric]
        const figures = `${title} ${figure(found.now.value)} (${figure(found.now.low)} to ${figure(found.now.high)}), where the sealed test rows give ${figure(found.before)}`
        const sign = lowerIsBetter.has(metric) ? 1 : -1
        return {
          state: !isWorse ? 'quiet' : share >= alert ? 'alert' : 'warning',
          sentence: isWorse
            ? `By how sure it is the model is likely to have become worse, an estimate without truth: ${figures} (${chance(pValue!)}).`
            : `An estimate without truth: ${figures} (${chance(pValue!)}).`,
          recommendation:
            'Find out the truth of some recent predictions: an estimate shows a loss only where the model itself is less sure.',
          evidence: {
            figures: [
              {
                name: `${title}, estimated`,
                value: found.now.value,
                low: found.now.low,
                high: found.now.high,
                baseline: found.before,
                warning: found.before + sign * warning * Math.abs(found.before),
                alert: found.before + sign * alert * Math.abs(found.before),
                pValue,
              },
            ],
            plots: [],
            columns: [],
            notes: [
              `Confidence-based: ${said.length} answers, calibrated on ${known.actual.length} sealed rows. It supposes that the same inputs still mean the same.`,
            ],
          },
        }
      },
    }
  },
}
