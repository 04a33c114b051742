import { randomFrom } from '../../evaluation/statistics/random.ts'
import type { ColumnsNow } from '../columns-now.ts'
import { type DriftRule, distanceOf, judgeColumn, type MeasuredColumn, measureColumns } from '../compare-columns.ts'
import { recommendation, reportSentence } from '../sentences.ts'
import { wassersteinDistance, wassersteinPValue } from '../statistics/wasserstein.ts'
import { spreadOf } from '../statistics/wasserstein-cells.ts'
import type { Finding, Looked } from './check.ts'
import type { SettingsOf } from './settings.ts'

const shown = 20
const permutations = 999
const mostPermuted = 2000

/** Drift of some of the columns, each by itself: what the checks of inputs and of predictions share. */
export async function findColumnDrift(
  { monitor, source, rows, sampled }: Looked,
  columns: ColumnsNow,
  settings: Pick<SettingsOf<'data_drift'>, 'measure' | 'warning' | 'alert'>,
): Promise<Finding> {
  const rule = ruleOf(settings, monitor)
  const measured = await measureColumns(columns.pairs)
  if (rule.measure === 'wasserstein') await measureWasserstein(measured, await sampled())
  const notes = columns.withheld.length > 0 ? [`Not kept, so not compared: ${columns.withheld.join(', ')}.`] : []
  return {
    pValues: measured.flatMap((column) => column.tests.map((test) => test.pValue)),
    judge(adjusted, level) {
      let at = 0
      const drift = measured.map((column) => {
        const own = adjusted.slice(at, at + column.tests.length)
        at += column.tests.length
        return judgeColumn(column, own, rule, level)
      })
      const worst = [...drift].sort((a, b) => distanceOf(b, rule.measure) - distanceOf(a, rule.measure))
      const moved = worst.filter(({ state }) => state !== 'quiet')
      return {
        state: moved.some(({ state }) => state === 'alert') ? 'alert' : moved.length > 0 ? 'warning' : 'quiet',
        sentence: drift.length === 1 ? drift[0]!.sentence : reportSentence(drift, rows, source),
        recommendation: recommendation(drift),
        drift,
        evidence: {
          figures: worst.slice(0, shown).map((column) => ({
            name: column.column,
            value: distanceOf(column, rule.measure),
            warning: rule.warning,
            alert: rule.alert,
            pValue: column.test.adjustedPValue,
          })),
          plots: [],
          columns: moved.map(({ column }) => column),
          notes,
        },
      }
    },
  }
}

function ruleOf(
  { measure, warning, alert }: Pick<SettingsOf<'data_drift'>, 'measure' | 'warning' | 'alert'>,
  monitor: Looked['monitor'],
): DriftRule {
  const usual = measure === 'psi' ? { warning: monitor.psi_warning, alert: monitor.psi_alert } : { warning: 0.1, alert: 0.2 }
  return { measure, warning: warning ?? usual.warning, alert: alert ?? usual.alert }
}

/**
 * The exact distance of samples of both, and its permutation test beside the Kolmogorov-Smirnov test: one of a thousand permutations cannot be as sure
 * as repeated runs ask for.
 */
async function measureWasserstein(measured: MeasuredColumn[], sampled: Awaited<ReturnType<Looked['sampled']>>): Promise<void> {
  for (const column of measured) {
    const found = sampled.columns.find(({ name, kind }) => name === column.baseline.name && kind === 'number')
    if (!found) continue
    const part = (from: number, to?: number) =>
      Float64Array.from((found.values as (number | null)[]).slice(from, to).filter((value) => value !== null)).sort()
    const before = part(0, sampled.baselineRows)
    const now = part(sampled.baselineRows)
    const thin = (values: Float64Array) => values.filter((_, i) => i % Math.ceil(values.length / mostPermuted) === 0)
    const scale = spreadOf(Array.from(before))
    column.wasserstein = wassersteinDistance(before, now) / scale
    const pValue = wassersteinPValue(thin(before), thin(now), { permutations, random: randomFrom(7) })
    column.tests = [{ name: 'wasserstein', statistic: column.wasserstein, pValue }, ...column.tests]
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}
