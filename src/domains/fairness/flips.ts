import { shapeOf } from '../../ports/inference/signature.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Column } from '../datasets/schema.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { Ask } from './asked-model.ts'
import { orNull } from './compare-groups.ts'
import type { BoundFacet } from './facets.ts'
import { quoted } from './judge.ts'
import { flipValue, nearestFlips, toPoints } from './nearest-flip.ts'
import { rateValue } from './report.ts'
import type { Counterfactual, FacetReport, MeasureValue } from './schema.ts'

/** Asking a model takes time: enough rows for a share to within two points. */
const mostRows = 2000
const mostTargets = 6

/** Sealed rows as a client would send them, and whether the model favours each. */
export interface FlipRows {
  rows: Record<string, unknown>[]
  favourable: Uint8Array
}

/** Some of the sealed rows, drawn by a hash of their numbers: the same at each call. */
export async function readFlipRows(
  tables: Tables,
  {
    path,
    predictions,
    columns,
    facets,
  }: { path: string; predictions: string; columns: readonly string[]; facets: readonly BoundFacet[] },
  signal?: AbortSignal,
): Promise<Record<string, unknown>[]> {
  const names = [...new Set([...columns, ...facets.map(({ column }) => column.name)])]
  const [found] = await tables.run({
    files: [path, predictions],
    quick: true,
    signal,
    statements: [
      {
        sql: `SELECT ${names.map((name) => `t.${identifier(name)}`).join(', ')} FROM ${parquet(predictions)} p JOIN ${parquet(path)} t ON p.__row = t.__row
          ORDER BY hash(p.__row), p.__row LIMIT ${mostRows}`,
      },
    ],
  })
  return found!.rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
}

/** Whether a model can be asked about rows with one column changed. */
export const canBeAsked = ({ signature }: ModelVersion): boolean => shapeOf(signature).media === undefined

/** What changes when nothing but the facet's column is changed, asked of the model as it serves. */
export async function counterfactuals(
  facet: BoundFacet,
  report: FacetReport,
  { rows, favourable }: FlipRows,
  ask: Ask,
  inputs: readonly string[],
): Promise<NonNullable<FacetReport['counterfactuals']>> {
  const { column } = facet
  if (!inputs.includes(column.name))
    return {
      asked: 0,
      sentence: `The model does not read "${column.name}": changing it alone changes no prediction. What it does read may still stand for it.`,
      changes: [],
    }
  const groupOf = rows.map((row) => groupOfValue(facet, row[column.name]))
  const named = report.groups.filter(({ kind, name }) => kind === 'named' && groupOf.includes(name)).slice(0, mostTargets)
  const changes: Counterfactual[] = []
  let changed = 0
  let asked = 0
  for (const { name: to } of named) {
    const value = typicalValue(rows.filter((_, i) => groupOf[i] === to).map((row) => row[column.name]))
    const at = rows.flatMap((_, i) => (groupOf[i] !== null && groupOf[i] !== to ? [i] : []))
    if (at.length === 0) continue
    const answers = await ask(at.map((i) => ({ ...rows[i]!, [column.name]: value })))
    for (const { name: from } of named) {
      if (from === to) continue
      let toFavourable = 0
      let toUnfavourable = 0
      let of = 0
      at.forEach((i, k) => {
        if (groupOf[i] !== from) return
        of++
        if (answers[k] && !favourable[i]) toFavourable++
        if (!answers[k] && favourable[i]) toUnfavourable++
      })
      if (of === 0) continue
      const share = rateValue({ hits: toFavourable + toUnfavourable, of })
      changes.push({ from, to, value: value === null ? null : String(value), rows: of, toFavourable, toUnfavourable, share })
      changed += toFavourable + toUnfavourable
      asked += of
    }
  }
  return { asked, changes, sentence: counterfactualSentence(column, asked, changed, changes) }
}

function counterfactualSentence({ name }: Column, asked: number, changed: number, changes: readonly Counterfactual[]): string {
  if (asked === 0) return `No row could be asked about with another "${name}".`
  if (changed === 0)
    return `Asked again with another "${name}" and all else the same, the served model changed none of ${asked} answers.`
  const most = changes.reduce((best, one) => ((one.share.value ?? 0) > (best.share.value ?? 0) ? one : best))
  return `Asked again with another "${name}" and all else the same, the served model changed ${changed} of ${asked} answers; most from ${quoted(most.from)} to ${quoted(most.to)}: ${most.toFavourable} of ${most.rows} to the favourable outcome, ${most.toUnfavourable} away from it.`
}

/** The flip test for every comparison of a facet. */
export async function flipTests(
  facets: readonly BoundFacet[],
  report: FacetReport,
  { rows, favourable }: FlipRows,
  inputs: readonly { name: string; tensor: string }[],
  minimumRows: number,
): Promise<Map<string, MeasureValue>> {
  const used = inputs.filter(({ name }) => !facets.some(({ column }) => column.name === name))
  const points = toPoints(
    rows.map((row) => used.map(({ name }) => row[name])),
    used.map(
      ({ tensor, name }) => tensor === 'numbers' && rows.every((row) => row[name] === null || typeof row[name] === 'number'),
    ),
  )
  const groupOf = rows.map((row) => facets.map((facet) => groupOfValue(facet, row[facet.column.name])).join(', '))
  const at = (name: string) => groupOf.flatMap((group, i) => (group === name ? [i] : []))
  const found = new Map<string, MeasureValue>()
  for (const { group } of report.comparisons) {
    const mine = at(group)
    const others = report.reference === null ? groupOf.flatMap((one, i) => (one === group ? [] : [i])) : at(report.reference)
    const counts =
      used.length === 0 || others.length === 0 ? null : await nearestFlips(points, favourable, { group: mine, against: others })
    const { value, low, high } = flipValue(counts ?? { toFavourable: 0, toUnfavourable: 0, rows: 0 })
    found.set(group, {
      measure: 'flip_test',
      symbol: 'FT',
      title: 'Flip test',
      value: orNull(value),
      low: orNull(low),
      high: orNull(high),
      method: 'bootstrap percentile, 1000 resamples of the group',
      pValue: null,
      pHolm: null,
      wanted: null,
      rests: [others.length, mine.length],
      verdict: Math.min(others.length, mine.length) < minimumRows ? 'too_few' : null,
    })
  }
  return found
}

function groupOfValue({ holds, column }: BoundFacet, value: unknown): string | null {
  if (value === null || value === undefined || value === '') return null
  if (holds) return holds.find(({ test }) => test(value))?.group ?? null
  return column.type === 'number' ? String(value).replace(/\.0$/, '') : String(value)
}

/** The value that stands for a group: the middle one of numbers, else the most frequent. */
export function typicalValue(values: readonly unknown[]): unknown {
  const numbers = values.filter((value): value is number => typeof value === 'number')
  if (numbers.length === values.length && numbers.length > 0)
    return [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)]
  const counts = new Map<unknown, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].reduce<[unknown, number]>((best, one) => (one[1] > best[1] ? one : best), [null, 0])[0]
}
