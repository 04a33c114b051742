import { toIso } from '../../../kernel/time.ts'
import { identifier, parquet } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { Column, Profile } from '../schema.ts'
import { type ColumnFacts, momentsOf, readDirect, readGrouped, toColumnProfile } from './column-profile.ts'
import {
  directBinsStatement,
  directStatement,
  groupedStatement,
  quantileShares,
  type Range,
  topStatement,
  valueSql,
} from './column-statements.ts'
import { associable, correlations, type Queries } from './correlations.ts'
import { targetRelations } from './target-relation.ts'
import { warningsOf } from './warnings.ts'

export interface ProfileWork {
  tables: Tables
  /** A folder of this work's own. */
  folder: string
  signal?: AbortSignal
  progress(stage: string, done: number, of: number | null): void
}

export interface ProfiledTable {
  path: string
  /** How the table engine reads it; Parquet unless told. */
  source?: string
  columns: readonly Column[]
  rows: number
}

/** Below this every count is exact. */
export const exactRows = 200_000

/** Everything the profile says, in as few passes as the questions allow. */
export async function profileTable(
  work: ProfileWork,
  table: ProfiledTable,
  ids: { dataset: string; version: string },
): Promise<Profile> {
  const started = performance.now()
  return onTable(work, table, async (queries, relation) => {
    const facts = await columnFacts(work, queries, relation, table)
    work.progress('duplicates', 55, 100)
    const duplicateRows = await countDuplicates(queries, relation, table, facts)
    work.progress('correlations', 65, 100)
    const pairs = associable(table.columns.map((column) => ({ column, facts: facts.get(column.name)! })))
    const profile = {
      ...ids,
      rows: table.rows,
      duplicateRows,
      columns: table.columns.map((column) => toColumnProfile(column, facts.get(column.name)!)),
      correlations: await correlations(queries, relation, pairs),
      target: null,
    }
    const warnings = warningsOf(profile, table.columns, { correlations: pairs.left })
    return { ...profile, warnings, seconds: (performance.now() - started) / 1000, createdAt: toIso(Date.now()) }
  })
}

/** The same profile with what concerns a target. */
export async function withTarget(work: ProfileWork, table: ProfiledTable, base: Profile, name: string): Promise<Profile> {
  const started = performance.now()
  const { target, relations } = await onTable(work, table, (queries, relation) =>
    targetRelations(queries, relation, table.columns, base.columns, name),
  )
  const columns = base.columns.map((column) => ({ ...column, target: relations.get(column.name) ?? null }))
  const limited = base.warnings.find(({ code }) => code === 'correlations_limited')?.facts.correlations
  const profile = { ...base, columns, target }
  const warnings = warningsOf(profile, table.columns, { correlations: Number(limited ?? 0) })
  return { ...profile, warnings, seconds: base.seconds + (performance.now() - started) / 1000 }
}

/** A table of this size is read from its file once and then held in memory. */
const heldCells = 40_000_000

function onTable<T>(
  work: ProfileWork,
  { path, columns, rows, source = parquet(path) }: ProfiledTable,
  then: (queries: Queries, relation: string) => Promise<T>,
): Promise<T> {
  const job = { folders: [work.folder], files: [path], scratch: `${work.folder}/spill`, signal: work.signal }
  return work.tables.session(job, async (run) => {
    const held = rows * columns.length <= heldCells
    if (held) await run([{ sql: `CREATE TEMP TABLE held AS SELECT * FROM ${source}` }])
    const queries: Queries = async (statements) =>
      (await run(statements.map((one) => (typeof one === 'string' ? { sql: one } : one)))).map((result) => result.rows)
    return then(queries, held ? 'held' : source)
  })
}

/** Small tables, and columns whose values hardly repeat, are scanned column by column of one statement; the others are grouped by their values. */
async function columnFacts(
  work: ProfileWork,
  queries: Queries,
  relation: string,
  { columns, rows }: ProfiledTable,
): Promise<Map<string, ColumnFacts>> {
  const facts = new Map<string, ColumnFacts>()
  const exact = rows <= exactRows
  const direct = exact ? new Set(columns.map(({ name }) => name)) : await mostlyDifferent(queries, relation, columns)
  const done = () => work.progress('columns', (50 * facts.size) / columns.length, 100)
  for (const some of portions(
    columns.filter(({ name }) => !direct.has(name)),
    20,
  )) {
    const results = await queries(some.map((column) => groupedStatement(column, relation)))
    for (const [at, column] of some.entries()) facts.set(column.name, readGrouped(results[at]![0]!))
    done()
  }
  for (const some of portions(
    columns.filter(({ name }) => direct.has(name)),
    exact ? 100 : 20,
  )) {
    const [result] = await queries([directStatement(some, relation, exact)])
    for (const [at, column] of some.entries()) facts.set(column.name, readDirect(result![0]![at], exact))
    await addBins(queries, relation, some, facts)
    if (exact) await addTop(queries, relation, some, facts)
    done()
  }
  return facts
}

const portions = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size))

/** Columns of whose first rows most are different: too many values to group. */
async function mostlyDifferent(queries: Queries, relation: string, columns: readonly Column[]): Promise<Set<string>> {
  const looked = 50_000
  const found = new Set<string>()
  for (let from = 0; from < columns.length; from += 200) {
    const some = columns.slice(from, from + 200)
    const first = some.map((column, at) => `${valueSql(column)} AS x${at}`).join(', ')
    const [result] = await queries([
      `SELECT ${some.map((_, at) => `approx_count_distinct(x${at})`).join(', ')} FROM (SELECT ${first} FROM ${relation} LIMIT ${looked})`,
    ])
    for (const [at, { name }] of some.entries()) if (Number(result![0]![at]) > 0.6 * looked) found.add(name)
  }
  return found
}

async function addBins(
  queries: Queries,
  relation: string,
  columns: readonly Column[],
  facts: Map<string, ColumnFacts>,
): Promise<void> {
  const ranges = columns.flatMap((column): (Range & { numbers: NonNullable<ColumnFacts['numbers']> })[] => {
    const { numbers } = facts.get(column.name)!
    const quartile = (share: 0.25 | 0.75) => numbers!.quantiles[quantileShares.indexOf(share)]!
    return numbers ? [{ column, ...numbers, numbers, q1: quartile(0.25), q3: quartile(0.75) }] : []
  })
  if (ranges.length === 0) return
  const sums = ranges.map(() => ({ m1: 0, m2: 0, m3: 0 }))
  const [rows] = await queries([directBinsStatement(ranges, relation)])
  for (const [at, bin, count, below, above, m1, m2, m3] of rows!.map((row) => row.map(Number))) {
    const { numbers } = ranges[at!]!
    numbers.bins.set(bin!, count!)
    numbers.outliers.low += below!
    numbers.outliers.high += above!
    sums[at!]!.m1 += m1!
    sums[at!]!.m2 += m2!
    sums[at!]!.m3 += m3!
  }
  for (const [at, { column, numbers, mean }] of ranges.entries())
    Object.assign(numbers, momentsOf(facts.get(column.name)!.present, mean, sums[at]!))
}

async function addTop(
  queries: Queries,
  relation: string,
  columns: readonly Column[],
  facts: Map<string, ColumnFacts>,
): Promise<void> {
  const [rows] = await queries([topStatement(columns, relation)])
  for (const [at, value, count] of rows!)
    facts.get(columns[Number(at)]!.name)!.top.push({ value: String(value), count: Number(count) })
  for (const { name } of columns) facts.get(name)!.top.sort((a, b) => b.count - a.count)
}

/**
 * Rows that repeat an earlier one, keys aside. Compared by a 64-bit hash of all values: that two different rows of a million share one has a
 * chance of 3 in 100 million.
 */
async function countDuplicates(
  queries: Queries,
  relation: string,
  { columns, rows }: ProfiledTable,
  facts: Map<string, ColumnFacts>,
): Promise<number> {
  const compared = columns.filter(({ type }) => type !== 'id')
  const isKey = ({ name }: Column) => facts.get(name)!.distinctError === 0 && facts.get(name)!.distinct === rows
  if (compared.length === 0 || compared.some(isKey)) return 0
  const [result] = await queries([
    `SELECT count(*) - count(DISTINCT hash(${compared.map(({ name }) => identifier(name)).join(', ')})) FROM ${relation}`,
  ])
  return Number(result![0]![0])
}
