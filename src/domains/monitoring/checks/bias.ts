import { countCube } from '../../fairness/cube.ts'
import { definitions } from '../../fairness/measures.ts'
import { boundsOf } from '../../fairness/policy.ts'
import { compareFacets } from '../../fairness/report.ts'
import type { Facet, Favourable, MeasureValue, Policy, Rule } from '../../fairness/schema.ts'
import { normalUpperTail } from '../statistics/rank-auc.ts'
import type { Check, Looked } from './check.ts'
import { whyMisnamed } from './fits.ts'
import { notJudged } from './not-judged.ts'
import type { SettingsOf } from './settings.ts'
import { chance, figure, listed } from './words.ts'

/** What needs no truth: how often each group is predicted the favourable outcome. */
const ofPredictions: ReadonlySet<string> = new Set(['disparate_impact', 'positive_difference'])

/** One demand on how groups are treated: of a policy, or of the check itself. */
interface Demand {
  from: string
  facets: Facet[]
  intersections: string[][]
  favourable: Favourable
  minimumRows: number
  rules: Rule[]
  /** How far beyond the bound it is an alarm: of a policy, at once. */
  alert: number | null
}

interface Broken {
  about: string
  from: string
  measure: string
  value: number
  low: number | null
  high: number | null
  wanted: { low: number | null; high: number | null }
  pValue: number
  alert: number | null
}

/** How groups of people fare in live traffic, against the policies of the project; with the truth as far as it is known. */
export const bias: Check<'bias'> = {
  kind: 'bias',
  title: 'Bias',
  needsRows: true,
  async look(looked, settings) {
    const demands = demandsOf(looked, settings, await looked.policies())
    const asked = [...new Set(demands.flatMap(({ facets }) => facets.map(({ column }) => column)))]
    const rows = await looked.grouped(asked)
    const notes = rows.hasTruth
      ? [`${rows.rows} rows whose truth is known.`]
      : ['No truth is known: only how often each group is predicted the favourable outcome is compared.']
    const found: Broken[] = []
    for (const demand of demands) {
      const cube = await countCube(
        looked.tables,
        {
          table: { path: rows.file, columns: rows.columns },
          predictions: rows.file,
          label: { name: looked.version.target ?? 'actual', isNumber: looked.version.task === 'regression' },
          favourable: demand.favourable,
          facets: demand.facets,
          intersections: demand.intersections,
          stratum: null,
        },
        looked.signal,
      )
      const report = await compareFacets(cube, { stage: 'model', minimumRows: demand.minimumRows, hasStratum: false })
      for (const facet of report.facets)
        for (const { group, against, measures } of facet.comparisons)
          for (const rule of demand.rules) {
            if (!rows.hasTruth && !ofPredictions.has(rule.measure)) continue
            const one = measures.find(({ measure }) => measure === rule.measure)
            if (!one || one.value === null || Math.min(...one.rests) < demand.minimumRows) continue
            const wanted = boundsOf(rule)
            found.push({
              about: `${facet.name}: ${group} against ${against}`,
              from: demand.from,
              measure: definitions[rule.measure].title.toLowerCase(),
              value: one.value,
              low: one.low,
              high: one.high,
              wanted,
              pValue: beyond(one, wanted),
              alert: demand.alert,
            })
          }
    }
    if (found.length === 0)
      throw notJudged(
        `No two groups of ${listed(asked)} have enough ${rows.hasTruth ? 'rows with a known truth' : 'rows'} in the window for what is asked.`,
      )
    return {
      pValues: found.map(({ pValue }) => pValue),
      judge(adjusted, level) {
        const broken = found.map((one, i) => ({ ...one, pValue: adjusted[i]! })).filter(({ pValue }) => pValue < level)
        const isAlert = broken.some(({ alert, value }) => alert === null || Math.abs(value) >= alert)
        const said = broken
          .slice(0, 3)
          .map(
            (one) =>
              `${one.measure} of ${one.about} is ${figure(one.value)}, which ${one.from} bounds by ${bounds(one.wanted)} (${chance(one.pValue)})`,
          )
        return {
          state: broken.length === 0 ? 'quiet' : isAlert ? 'alert' : 'warning',
          sentence:
            broken.length === 0
              ? `No group fares beyond its bounds by more than chance; ${found.length} comparisons.`
              : `${said.join('; ')}${broken.length > 3 ? `; and ${broken.length - 3} more` : ''}.`,
          recommendation:
            'See the fairness page of the version: whether it was so on the sealed rows too, or came with who asks now. Then weigh rows, move the threshold, or train anew.',
          evidence: {
            figures: found
              .toSorted((a, b) => a.pValue - b.pValue)
              .slice(0, 30)
              .map((one) => ({
                name: `${one.measure}, ${one.about}`,
                value: one.value,
                low: one.low,
                high: one.high,
                warning: one.wanted.high ?? one.wanted.low,
                pValue: adjusted[found.indexOf(one)]!,
              })),
            plots: [],
            columns: broken.length > 0 ? asked : [],
            notes,
          },
        }
      },
    }
  },
}

function demandsOf({ version }: Looked, settings: SettingsOf<'bias'>, policies: readonly Policy[]): Demand[] {
  const { signature } = version
  const inputs = new Set(signature.inputs.map(({ name }) => name))
  const usual: Favourable | null =
    settings.favourable !== null
      ? { values: [settings.favourable] }
      : signature.positive !== null
        ? { values: [signature.positive] }
        : null
  const demands: Demand[] = policies.flatMap((policy) => {
    const favourable = policy.favourable ?? usual
    if (favourable === null || policy.facets.some(({ column }) => !inputs.has(column))) return []
    const { facets, intersections, minimumRows, rules } = policy
    return [{ from: `the policy "${policy.name}"`, facets, intersections, minimumRows, rules, favourable, alert: null }]
  })
  if (settings.facets !== null) {
    const misnamed = whyMisnamed({ kind: 'bias', settings }, signature)
    if (misnamed) throw notJudged(misnamed)
    if (usual === null) throw notJudged('Say which outcome is favourable, in the settings of this check.')
    const rule = (measure: Rule['measure']): Rule => ({ measure, atLeast: null, atMost: settings.warning })
    demands.push({
      from: 'this monitor',
      facets: settings.facets.map((column) => ({ column })),
      intersections: [],
      favourable: usual,
      minimumRows: settings.minimumRows,
      rules: [rule('positive_difference'), rule('recall_difference'), rule('specificity_difference')],
      alert: settings.alert,
    })
  }
  if (demands.length === 0)
    throw notJudged(
      policies.length > 0
        ? 'The policies that bind this version ask about columns that requests do not say.'
        : 'Name columns of groups in the settings of this check, or make a fairness policy.',
    )
  return demands
}

/** How unlikely the value is where its bound is just met: from its interval, of a ratio on the log scale. */
function beyond({ measure, value, low, high }: MeasureValue, wanted: { low: number | null; high: number | null }): number {
  if (value === null || low === null || high === null || !(high > low)) return 1
  const isRatio = definitions[measure as Rule['measure']].ratio !== undefined
  if (isRatio && (low <= 0 || value <= 0)) return 1
  const scale = isRatio ? Math.log : (x: number) => x
  const error = (scale(high) - scale(low)) / (2 * 1.959964)
  const above = wanted.high === null ? Number.NEGATIVE_INFINITY : scale(value) - scale(wanted.high)
  const below = wanted.low === null ? Number.NEGATIVE_INFINITY : scale(wanted.low) - scale(value)
  const nearer = Math.max(above, below)
  // Between two bounds the other one may have been passed by chance too.
  const other =
    wanted.low === null || wanted.high === null ? 0 : normalUpperTail((nearer + scale(wanted.high) - scale(wanted.low)) / error)
  return Math.min(1, normalUpperTail(nearer / error) + other)
}

function bounds({ low, high }: { low: number | null; high: number | null }): string {
  if (low !== null && high !== null) return low === -high ? `${figure(high)} either way` : `${figure(low)} and ${figure(high)}`
  return low !== null ? `at least ${figure(low)}` : `at most ${figure(high!)}`
}
