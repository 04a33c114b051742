import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import { days, toIso } from '../../../kernel/time.ts'
import type { Files } from '../../../ports/files/files.ts'
import { parquet } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import { short } from '../../goals/outcome.ts'
import type { Signature } from '../../registry/schema.ts'
import type { EndpointsService } from '../service.ts'
import type { AbQuery, AbTest } from './schema.ts'
import { type Arm, armOfRate, sequentialDifference, sequentialMean } from './statistics/sequential-difference.ts'

export interface AbNeeds {
  endpoints: Pick<EndpointsService, 'get' | 'traffic' | 'labelledRows'>
  tables: Tables
  files: Files
  folder: string
}

type Query = z.output<typeof AbQuery>
interface Counted {
  what: string
  sql: string
  params: string[]
  isRate: boolean
  greaterIsBetter: boolean | null
}

/** Fewer rows of a variant say nothing of it. */
const fewest = 30
const mostLooks = 40

export type AbService = ReturnType<typeof abService>

/** Which variant does better by what turned out to be true, with intervals that bear being looked at every day. */
export function abService({ endpoints, tables, files, folder }: AbNeeds) {
  return async function ab(by: Principal, ref: string, query: Query, project?: string): Promise<AbTest> {
    const endpoint = await endpoints.get(by, ref, project)
    const traffic = await endpoints.traffic(by, endpoint.id)
    const toMs = query.to ? Date.parse(query.to) : Date.now() + 1
    const fromMs = query.from ? Date.parse(query.from) : toMs - days(30)
    const counted = countedOf(query, endpoint.signature)
    const place = await files.makeFolder(folder, `${process.pid}-${newId('req')}`)
    try {
      const { file } = await endpoints.labelledRows({ endpointId: endpoint.id, fromMs, toMs }, place)
      const variants = traffic.variants.filter(({ shadow }) => !shadow)
      const read = variants.map(({ name, version }) => rowsOf({ tables, place, file }, counted, name, version))
      const arms = await Promise.all(read)
      const [main, ...others] = variants.map((variant, i) => ({ ...variant, ...arms[i]! }))
      const compared = others.filter(({ rows }) => rows >= fewest)
      // Of main only what it answered since the other stood beside it: the world before may have been another.
      const meanwhile = await Promise.all(
        others.map(({ firstMs }) => rowsOf({ tables, place, file }, counted, main!.name, main!.version, firstMs ?? toMs)),
      )
      const alpha = query.alpha / Math.max(1, compared.length)
      return {
        endpoint: endpoint.id,
        outcome: query.outcome ?? (endpoint.signature.classes ? 'right' : 'error'),
        counts: counted.what,
        isShare: counted.isRate,
        greaterIsBetter: counted.greaterIsBetter,
        from: toIso(fromMs),
        to: toIso(toMs),
        variants: [main!, ...others].map(({ name, version, modelName, versionNumber, weight, rows, arm }) => ({
          name,
          version,
          versionName: `${modelName}:${versionNumber}`,
          weight,
          rows,
          mean: rows >= fewest ? meanOf(arm, query.alpha, counted) : null,
        })),
        comparisons: others.map((other, i) => compare({ name: main!.name, ...meanwhile[i]! }, other, counted, alpha)),
      }
    } finally {
      await files.remove(place)
    }
  }
}

/** What is counted of each row, as SQL over labelled rows. */
function countedOf({ outcome, value }: Query, { classes, positive }: Signature): Counted {
  const wanted = outcome ?? (classes ? 'right' : 'error')
  if (wanted === 'truth') {
    if (!classes)
      return { what: 'the number that was told', sql: '__truth::DOUBLE', params: [], isRate: false, greaterIsBetter: null }
    const counts = value ?? positive ?? classes[0]!
    if (!classes.includes(counts))
      throw invalidInput(`"${counts}" is none of the classes ${classes.slice(0, 20).join(', ')}.`, { field: 'value' })
    return {
      what: `truth is "${counts}"`,
      sql: '(__truth::VARCHAR = $1::VARCHAR)::INTEGER::DOUBLE',
      params: [counts],
      isRate: true,
      greaterIsBetter: null,
    }
  }
  if (wanted === 'right') {
    if (!classes)
      throw invalidInput('A number is not right or wrong, but off by so much. Ask for the outcome "error".', { field: 'outcome' })
    return {
      what: 'the answer was true',
      sql: '(__label::VARCHAR = __truth::VARCHAR)::INTEGER::DOUBLE',
      params: [],
      isRate: true,
      greaterIsBetter: true,
    }
  }
  if (classes) throw invalidInput('A class is right or wrong. Ask for the outcome "right".', { field: 'outcome' })
  return {
    what: 'how far the answer was off',
    sql: 'abs(__value - __truth::DOUBLE)',
    params: [],
    isRate: false,
    greaterIsBetter: false,
  }
}

interface VariantRows {
  rows: number
  firstMs: number | null
  arm: Arm
  /** After so many of its rows: when that was, how many, their sum and sum of squares. */
  looks: { atMs: number; rows: number; sum: number; squares: number }[]
}

/** The outcomes of what a variant's present version answered, in the order of time, summed up to some forty moments. */
async function rowsOf(
  { tables, place, file }: { tables: Tables; place: string; file: string },
  counted: Counted,
  name: string,
  version: string,
  fromMs = 0,
): Promise<VariantRows> {
  const params = [...counted.params, name, version]
  const [variant, own] = [params.length - 1, params.length]
  const outcomes = `SELECT ${counted.sql} AS y, epoch_ms(__at) AS moment, row_number() OVER (ORDER BY __at, __id) AS n FROM ${parquet(file)}
    WHERE __variant = $${variant}::VARCHAR AND __version = $${own}::VARCHAR AND epoch_ms(__at) >= ${Math.floor(fromMs)}`
  const [found] = await tables.run({
    folders: [place],
    quick: true,
    statements: [
      {
        sql: `SELECT max(moment), min(moment), sum(sum(y)) OVER w, sum(sum(y * y)) OVER w, sum(count(*)) OVER w FROM
          (SELECT *, (n - 1) * ${mostLooks} // count(*) OVER () AS part FROM (${outcomes}) WHERE y IS NOT NULL) GROUP BY part WINDOW w AS (ORDER BY part) ORDER BY part`,
        params,
      },
    ],
  })
  const looks = found!.rows.map(([at, , sum, squares, rows]) => ({
    atMs: Number(at),
    rows: Number(rows),
    sum: Number(sum),
    squares: Number(squares),
  }))
  const last = looks.at(-1)
  const first = found!.rows[0]?.[1]
  return { rows: last?.rows ?? 0, firstMs: first === undefined ? null : Number(first), arm: armOf(counted, last), looks }
}

function armOf({ isRate }: Counted, look: VariantRows['looks'][number] | undefined): Arm {
  if (!look || look.rows === 0) return { rows: 0, mean: 0, variance: 0 }
  if (isRate) return armOfRate(look.sum, look.rows)
  const mean = look.sum / look.rows
  return {
    rows: look.rows,
    mean,
    variance: look.rows < 2 ? 0 : Math.max(0, (look.squares - look.rows * mean * mean) / (look.rows - 1)),
  }
}

function meanOf(arm: Arm, alpha: number, { isRate }: Counted): { value: number; low: number; high: number } | null {
  const { value, low, high } = sequentialMean(arm, alpha)
  if (!Number.isFinite(low)) return null
  // The interval of a mean of anything; no share is below nothing or above all.
  return isRate ? { value, low: Math.max(0, low), high: Math.min(1, high) } : { value, low, high }
}

type Side = VariantRows & { name: string }

function compare(a: Side, b: Side, counted: Counted, alpha: number): AbTest['comparisons'][number] {
  const said = { a: a.name, b: b.name, alpha }
  if (Math.min(a.rows, b.rows) < fewest)
    return {
      ...said,
      value: b.arm.mean - a.arm.mean,
      low: null,
      high: null,
      pValue: 1,
      decision: 'undecided',
      better: null,
      looks: [],
      sentence: `Too early to say anything: of ${a.name} ${a.rows} rows have their truth, of ${b.name} ${b.rows}; ${fewest} of each are needed.`,
    }
  const found = sequentialDifference(a.arm, b.arm, alpha)
  if (!Number.isFinite(found.low))
    return {
      ...said,
      value: found.value,
      low: null,
      high: null,
      pValue: 1,
      decision: 'undecided',
      better: null,
      looks: [],
      sentence: 'All outcomes of both are one and the same number; nothing tells them apart.',
    }
  const decision = found.pValue > alpha ? 'undecided' : found.value > 0 ? 'b_higher' : 'a_higher'
  const better =
    decision === 'undecided' || counted.greaterIsBetter === null
      ? null
      : (decision === 'b_higher') === counted.greaterIsBetter
        ? b.name
        : a.name
  return {
    ...said,
    ...found,
    decision,
    better,
    looks: looksOf(a, b, counted, alpha),
    sentence: sentenceOf(a, b, found, { decision, better, counted }),
  }
}

function looksOf(a: Side, b: Side, counted: Counted, alpha: number): AbTest['comparisons'][number]['looks'] {
  return b.looks.flatMap((look) => {
    const other = a.looks.findLast(({ atMs }) => atMs <= look.atMs) ?? a.looks[0]!
    if (Math.min(look.rows, other.rows) < fewest) return []
    const { value, low, high } = sequentialDifference(armOf(counted, other), armOf(counted, look), alpha)
    return Number.isFinite(low) ? [{ at: toIso(look.atMs), rows: look.rows + other.rows, value, low, high }] : []
  })
}

function sentenceOf(
  a: Side,
  b: Side,
  { value, low, high, pValue }: { value: number; low: number; high: number; pValue: number },
  { decision, better, counted }: { decision: string; better: string | null; counted: Counted },
): string {
  const unit = (x: number) => (counted.isRate ? `${(100 * x).toFixed(2)} points` : short(x))
  const mean = (one: Side) => (counted.isRate ? `${(100 * one.arm.mean).toFixed(2)} %` : short(one.arm.mean))
  const figures = `${counted.what}: ${mean(b)} of ${b.rows} rows by ${b.name}, ${mean(a)} of ${a.rows} by ${a.name} (difference ${unit(value)}, ${unit(low)} to ${unit(high)}, p ${pValue < 0.001 ? '< 0.001' : `= ${pValue.toFixed(3)}`}, for however many looks)`
  if (decision === 'undecided') return `No difference is shown yet; ${figures}. Looking again later costs nothing.`
  if (better) return `${better} is better; ${figures}.`
  return `${decision === 'b_higher' ? b.name : a.name} is higher; ${figures}.`
}
