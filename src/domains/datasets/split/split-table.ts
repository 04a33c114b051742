import { invalidInput } from '../../../kernel/errors.ts'
import { copyToParquet, identifier, parquet } from '../../../ports/tables/sql.ts'
import type { Tables, TableValue } from '../../../ports/tables/tables.ts'
import { type Parameters, parameters } from '../import/cast.ts'
import type { Column } from '../schema.ts'
import { byGivenParts, namesValidation } from './given-parts.ts'
import { quotasOf } from './quotas.ts'

export interface SplitWork {
  tables: Tables
  folder: string
  signal?: AbortSignal
  progress(stage: string, done: number, of: number | null): void
}

export interface SplitWish {
  kind: 'random' | 'stratified' | 'grouped' | 'time' | 'given'
  target: string | null
  groupColumn: string | null
  timeColumn: string | null
  /** The column of a given split that names the part of a row; the parts are written without it. */
  partColumn?: string | null
  test: number
  validation: number
  seed: number
}

export interface WrittenPart {
  part: 'train' | 'validation' | 'test'
  path: string
  rows: number
}

/** Above so many classes the rarest share one stratum. */
const mostStrata = 200

export type Query = (sql: string, params?: readonly TableValue[]) => Promise<unknown[][]>

/**
 * Divides a table into parts, each a Parquet file in the order of the table. Rows without a target are in none.
 * The same seed gives the same parts, on every machine and always: the order is that of an MD5 digest (RFC 1321) of seed and row.
 */
export async function splitTable(
  work: SplitWork,
  table: { path: string; columns: readonly Column[] },
  wish: SplitWish,
): Promise<WrittenPart[]> {
  const job = { folders: [work.folder], files: [table.path], scratch: `${work.folder}/spill`, signal: work.signal }
  const query: Query = async (sql, params = []) => (await work.tables.run({ ...job, statements: [{ sql, params }] }))[0]!.rows
  work.progress('divide', 0, 100)
  const used = wish.target === null ? 'true' : `${identifier(wish.target)} IS NOT NULL`
  const from = `${parquet(table.path)} WHERE ${used}`
  const rule = rules[wish.kind]
  const { values, add } = parameters()
  const divide = await rule(query, from, wish, add)
  const hasValidation = wish.kind === 'given' ? await namesValidation(query, from, wish) : wish.validation > 0
  const names = (['test', 'validation', 'train'] as const).filter((part) => part !== 'validation' || hasValidation)
  const kept = table.columns.map(({ name }) => name).filter((name) => name !== wish.partColumn)
  const columns = ['__row', ...kept].map((name) => `t.${identifier(name)}`).join(', ')
  const numberOf = { test: 0, validation: 1, train: 2 }
  const pathOf = (part: string) => `${work.folder}/${part}.parquet`
  const results = await work.tables.run({
    ...job,
    statements: [
      { sql: `CREATE TEMP TABLE division AS ${divide}`, params: values },
      { sql: 'SELECT part, count(*) FROM division GROUP BY part' },
      ...names.map((part) => ({
        sql: copyToParquet(
          `SELECT ${columns} FROM ${parquet(table.path)} t JOIN division d ON t.__row = d.r WHERE d.part = ${numberOf[part]}`,
          pathOf(part),
          table.columns.length + 1,
        ),
      })),
    ],
    onProgress: (percent) => work.progress('divide', percent * 0.8, 100),
  })
  const counts = new Map(results[1]!.rows.map(([part, rows]) => [Number(part), Number(rows)]))
  return names.map((part) => {
    const rows = counts.get(numberOf[part]) ?? 0
    if (rows === 0) throw invalidInput(`The ${part} part would have no rows: the table is too small for this split.`, { part })
    return { part, path: pathOf(part), rows }
  })
}

const rules = { random: byStratum, stratified: byStratum, grouped: byGroup, time: byTime, given: byGivenParts }

const key = (seed: number, text: string) => `md5_number(${seed} || ':' || ${text})`

/** Random, or stratified: each class is shared out on its own. */
async function byStratum(query: Query, from: string, wish: SplitWish, add: Parameters['add']): Promise<string> {
  const column = wish.kind === 'stratified' ? `${identifier(wish.target!)}::VARCHAR` : `'all'`
  const counts = (
    await query(`SELECT s, count(*) AS n FROM (SELECT ${column} AS s FROM ${from}) GROUP BY s ORDER BY n DESC, s`)
  ).map(([stratum, rows]) => ({
    stratum: String(stratum),
    rows: Number(rows),
  }))
  if (counts.length === 0)
    throw invalidInput(`No row can be used: the target "${wish.target}" is missing in every row.`, { column: wish.target })
  const own = counts.slice(0, mostStrata)
  const rest = counts.slice(mostStrata).reduce((sum, { rows }) => sum + rows, 0)
  const quotas = quotasOf(rest > 0 ? [...own, { stratum: '', rows: rest }] : own, wish)
  const stratum =
    quotas.length === 1
      ? '0'
      : `CASE ${column} ${own.map(({ stratum }, at) => `WHEN ${add(stratum)}::VARCHAR THEN ${at}`).join(' ')} ELSE ${own.length} END`
  const limits = quotas.map(({ test, validation }, at) => `(${at}, ${test}, ${test + validation})`).join(', ')
  return `SELECT r, (CASE WHEN n <= test THEN 0 WHEN n <= held THEN 1 ELSE 2 END)::TINYINT AS part
    FROM (SELECT r, s, row_number() OVER (PARTITION BY s ORDER BY k, r) AS n FROM (SELECT __row AS r, ${stratum} AS s, ${key(wish.seed, '__row')} AS k FROM ${from}))
    JOIN (VALUES ${limits}) quota(stratum, test, held) ON s = stratum`
}

/** Whole groups go to one part; the sizes are as near to the wanted ones as the groups allow. A row without a group is a group of its own. */
async function byGroup(query: Query, from: string, wish: SplitWish): Promise<string> {
  const group = `coalesce('g' || ${identifier(wish.groupColumn!)}::VARCHAR, 'r' || __row)`
  const [facts] = await query(`SELECT count(*), sum(n) FROM (SELECT count(*) AS n FROM ${from} GROUP BY ${group})`)
  const [groups, rows] = facts!.map(Number) as [number, number]
  const needed = wish.validation > 0 ? 3 : 2
  if (groups < needed)
    throw invalidInput(
      `Column "${wish.groupColumn}" has ${groups} group${groups === 1 ? '' : 's'}; this split needs at least ${needed}.`,
      { column: wish.groupColumn },
    )
  const boundary = (share: number, leave: number) =>
    `(SELECT nth FROM ordered WHERE nth <= ${groups - leave} ORDER BY abs(upto - ${rows * share}), nth LIMIT 1)`
  return `WITH each AS (SELECT ${group} AS g, count(*) AS n, ${key(wish.seed, group)} AS k FROM ${from} GROUP BY ALL),
    ordered AS MATERIALIZED (SELECT g, sum(n) OVER w AS upto, row_number() OVER w AS nth FROM each WINDOW w AS (ORDER BY k, g)),
    bounds AS MATERIALIZED (SELECT ${boundary(wish.test, needed - 1)} AS test, ${boundary(wish.test + wish.validation, 1)} AS held)
    SELECT __row AS r, (CASE WHEN nth <= test THEN 0 WHEN ${wish.validation > 0} AND nth <= greatest(held, test + 1) THEN 1 ELSE 2 END)::TINYINT AS part
    FROM (SELECT __row, ${group} AS g FROM ${from}) JOIN ordered USING (g), bounds`
}

/** The latest rows are the test. Rows of one moment stay together; rows without a time are for training. */
async function byTime(query: Query, from: string, wish: SplitWish): Promise<string> {
  const time = identifier(wish.timeColumn!)
  const moments = `SELECT m, count(*) AS n FROM (SELECT ${time} AS m FROM ${from}) WHERE m IS NOT NULL GROUP BY m`
  const [facts] = await query(`SELECT coalesce(sum(n), 0), count(*) FROM (${moments})`)
  const [rows, different] = facts!.map(Number) as [number, number]
  if (different < 3)
    throw invalidInput(`Column "${wish.timeColumn}" has ${different} different times; a split by time needs at least three.`, {
      column: wish.timeColumn,
    })
  const boundary = (share: number, where: string) =>
    `(SELECT m FROM ordered WHERE ${where} ORDER BY abs(later - ${rows * share}), m DESC LIMIT 1)`
  const validated = wish.validation > 0
  return `WITH ordered AS MATERIALIZED (SELECT m, sum(n) OVER (ORDER BY m DESC) AS later, row_number() OVER (ORDER BY m) AS nth FROM (${moments})),
    last AS MATERIALIZED (SELECT ${boundary(wish.test, `nth > ${validated ? 2 : 1}`)} AS test),
    bounds AS MATERIALIZED (SELECT test, ${boundary(wish.test + wish.validation, 'nth > 1 AND m < test')} AS held FROM last)
    SELECT r, (CASE WHEN m >= test THEN 0 WHEN ${validated} AND m >= held THEN 1 ELSE 2 END)::TINYINT AS part
    FROM (SELECT __row AS r, ${time} AS m FROM ${from}), bounds`
}
