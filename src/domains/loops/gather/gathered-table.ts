import { copyToParquet, identifier, literal, parquet } from '../../../ports/tables/sql.ts'
import type { ColumnType, TableQuery, TableResult, Tables } from '../../../ports/tables/tables.ts'
import { gatheredColumn } from '../../datasets/media/column-names.ts'
import type { ManifestItem } from '../../datasets/media/manifest.ts'
import type { Column } from '../../datasets/schema.ts'
import type { GatherEvidence } from './evidence.ts'
import { itemsNamed, knownItem, layMediaItems, liveItem, type MediaFiles } from './media-items.ts'

type Run = (statements: readonly TableQuery[]) => Promise<TableResult[]>

export interface GatherInput {
  /** As the observed traffic gives it: every input, `__at`, `__id`, `__truth`. */
  labelled: string
  /** The rows that the champion learnt from, as Parquet files; none where that is not known. */
  learnt: readonly string[]
  /** Whether those join. */
  original: boolean
  /** The model's inputs and the target. */
  columns: readonly Column[]
  target: string
  /** Where the target is a class: those that the champion knows. */
  classes: readonly string[] | null
  mostRows: number | null
  sealedShare: number
  /** Predictions up to then were known when the champion was made. */
  knownUntilMs: number
  /** Where rows hold images or sounds. */
  media: MediaFiles | null
  folder: string
  path: string
}

export type Gathered = Pick<
  GatherEvidence,
  | 'labelled'
  | 'unknownTruth'
  | 'withoutFile'
  | 'live'
  | 'original'
  | 'sealed'
  | 'sealedFromMs'
  | 'newestMs'
  | 'seenByChampion'
  | 'classes'
  | 'timeline'
> & {
  /** The images and sounds that the rows name. */
  items: ManifestItem[]
}

const sqlTypes: Record<ColumnType, string> = {
  number: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMP',
  category: 'VARCHAR',
  text: 'VARCHAR',
  id: 'VARCHAR',
  image: 'VARCHAR',
  audio: 'VARCHAR',
}
/** More copies of rows than this in what the champion learnt from, and a copy among the new rows is nothing to wonder at. */
const usualCopies = 0.02
const mostBuckets = 40

/**
 * Writes the table of a run: the rows that the champion learnt from, then the live rows in the order of time. The newest live rows are marked as
 * test and never touched by training; of those, none that the champion could know.
 */
export async function writeGathered(tables: Tables, input: GatherInput, signal?: AbortSignal): Promise<Gathered> {
  const { folder, learnt } = input
  const folders = [folder]
  return tables.session({ folders, scratch: `${folder}/spill`, signal }, async (run) => {
    const types = await typesOf(run, input)
    if (input.media) await layMediaItems(run, input.media)
    await layLive(run, input, types)
    await layLearnt(run, input, types)
    const counts = await one(
      run,
      `SELECT (SELECT count(*) FROM given), (SELECT count(*) FROM given WHERE NOT __g_known),
        (SELECT count(*) FROM given WHERE __g_known AND NOT __g_whole), (SELECT count(*) FROM live)`,
    )
    const [labelled, unknownTruth, withoutFile, live] = counts.map(Number) as [number, number, number, number]
    if (live === 0) return nothing(labelled, unknownTruth, withoutFile)
    const knownUs = Math.round(input.knownUntilMs * 1000)
    const cut = await sealFrom(run, knownUs, input.sealedShare)
    const alikeIsUsual = learnt.length > 0 && (await copiesAreUsual(run, input.columns))
    const inLearnt = `EXISTS (FROM learnt b WHERE ${same(input.columns)})`
    const alike = learnt.length > 0 && !alikeIsUsual ? inLearnt : 'false'
    // What was gathered for the champion is among what it learnt from: it does not join twice.
    const repeated = input.original && knownUs > 0 ? `__g_at <= ${knownUs} AND ${inLearnt}` : 'false'
    await run([
      {
        sql: `CREATE TEMP TABLE parted AS SELECT *, CASE WHEN __g_at < ${cut} THEN CASE WHEN ${repeated} THEN 'repeated' ELSE 'train/live' END
          WHEN ${alike} THEN 'alike' ELSE 'test/live' END AS __g_part FROM live l`,
      },
    ])
    const parts = await run([{ sql: 'SELECT __g_part, count(*) FROM parted GROUP BY 1' }])
    const rowsOf = new Map(parts[0]!.rows.map(([part, rows]) => [String(part), Number(rows)]))
    const names = input.columns.map(({ name }) => identifier(name)).join(', ')
    const originals = input.original
      ? `SELECT ${names}, 'train/original' AS __g_part, 0 AS __g_at, __g_n FROM learnt UNION ALL`
      : ''
    await run([
      {
        sql: copyToParquet(
          `SELECT (row_number() OVER (ORDER BY __g_part <> 'train/original', __g_at, __g_n) - 1)::BIGINT AS __row, ${names}, __g_part AS ${identifier(gatheredColumn)}
            FROM (${originals} SELECT ${names}, __g_part, __g_at, __g_n FROM parted WHERE __g_part IN ('train/live', 'test/live')) ORDER BY __row`,
          input.path,
          input.columns.length + 2,
        ),
      },
    ])
    const newest = await one(run, `SELECT max(__g_at), count(*) FILTER (__g_at <= ${knownUs}) FROM live`)
    return {
      labelled,
      unknownTruth,
      withoutFile,
      live: rowsOf.get('train/live') ?? 0,
      original: input.original ? Number((await one(run, 'SELECT count(*) FROM learnt'))[0]) : 0,
      sealed: rowsOf.get('test/live') ?? 0,
      sealedFromMs: cut / 1000,
      newestMs: Number(newest[0]) / 1000,
      seenByChampion: { before: Number(newest[1]), alike: rowsOf.get('alike') ?? 0, alikeIsUsual },
      classes: input.classes ? await classesOf(run, input) : [],
      timeline: await timelineOf(run),
      items: input.media ? await itemsNamed(run, pathsIn(input.media, input.path)) : [],
    }
  })
}

const one = async (run: Run, sql: string): Promise<unknown[]> => (await run([{ sql }]))[0]!.rows[0]!

const nothing = (labelled: number, unknownTruth: number, withoutFile: number): Gathered => ({
  labelled,
  unknownTruth,
  withoutFile,
  live: 0,
  original: 0,
  sealed: 0,
  sealedFromMs: null,
  newestMs: null,
  seenByChampion: { before: 0, alike: 0, alikeIsUsual: false },
  classes: [],
  timeline: [],
  items: [],
})

const pathsIn = ({ columns }: MediaFiles, table: string): string =>
  columns.map((name) => `SELECT ${identifier(name)} FROM ${parquet(table)}`).join(' UNION ')

/** What the columns are in the table that the champion learnt from, so that both halves are of one kind. */
async function typesOf(run: Run, { learnt, columns }: GatherInput): Promise<Map<string, string>> {
  const known = new Map<string, string>(columns.map(({ name, type }) => [name, sqlTypes[type]]))
  if (learnt[0]) {
    const [described] = await run([{ sql: `DESCRIBE SELECT * FROM ${parquet(learnt[0])}` }])
    for (const [name, type] of described!.rows) if (known.has(String(name))) known.set(String(name), String(type))
  }
  return known
}

/** `given`: all labelled rows; `live`: those that can be used, the newest so many, with their time in microseconds. What is ours is named `__g_…`. */
async function layLive(
  run: Run,
  { labelled, columns, target, classes, mostRows, media }: GatherInput,
  types: Map<string, string>,
): Promise<void> {
  const [described] = await run([{ sql: `DESCRIBE SELECT * FROM ${parquet(labelled)}` }])
  const there = new Set(described!.rows.map(([name]) => String(name)))
  const cast = (from: string, name: string) => `TRY_CAST(${from} AS ${types.get(name)}) AS ${identifier(name)}`
  const values = columns.map(({ name }) =>
    name === target
      ? cast('__truth', name)
      : media?.columns.includes(name)
        ? `${liveItem(`t.${identifier(name)}`)} AS ${identifier(name)}`
        : cast(there.has(name) ? identifier(name) : 'NULL', name),
  )
  const known = classes ? `__truth::VARCHAR IN (${classes.map(literal).join(', ')})` : `${identifier(target)} IS NOT NULL`
  const whole = (media?.columns ?? []).map((name) => `${identifier(name)} IS NOT NULL`).join(' AND ') || 'true'
  const newest = mostRows === null ? '' : ` QUALIFY row_number() OVER (ORDER BY __g_at DESC, __g_n DESC) <= ${mostRows}`
  const names = columns.map(({ name }) => identifier(name)).join(', ')
  await run([
    {
      sql: `CREATE TEMP TABLE given AS SELECT *, coalesce(${known}, false) AS __g_known, (${whole}) AS __g_whole FROM (SELECT ${values.join(', ')}, __truth, epoch_us(__at) AS __g_at,
        row_number() OVER (ORDER BY __at, __id) AS __g_n FROM ${parquet(labelled)} t WHERE __truth IS NOT NULL)`,
    },
    { sql: `CREATE TEMP TABLE live AS SELECT ${names}, __g_at, __g_n FROM given WHERE __g_known AND __g_whole${newest}` },
  ])
}

async function layLearnt(run: Run, { learnt, columns, media }: GatherInput, types: Map<string, string>): Promise<void> {
  const value = (name: string) =>
    media?.columns.includes(name) ? knownItem(`t.${identifier(name)}`) : `CAST(${identifier(name)} AS ${types.get(name)})`
  const values = columns.map(({ name }) => `${value(name)} AS ${identifier(name)}`).join(', ')
  const from = `read_parquet([${learnt.map(literal).join(', ')}])`
  const empty = columns.map(({ name }) => `NULL::${types.get(name)} AS ${identifier(name)}`).join(', ')
  await run([
    {
      sql:
        learnt.length > 0
          ? `CREATE TEMP TABLE learnt AS SELECT ${values}, row_number() OVER (ORDER BY __row) AS __g_n FROM ${from} t`
          : `CREATE TEMP TABLE learnt AS SELECT ${empty}, 0 AS __g_n WHERE false`,
    },
  ])
}

/**
 * The moment (microseconds) from which on rows are sealed: a share of the rows that the champion could not know, as near as whole moments allow,
 * and something is left before it.
 */
async function sealFrom(run: Run, knownUs: number, share: number): Promise<number> {
  const moments = `SELECT __g_at AS m, count(*) AS c FROM live WHERE __g_at > ${knownUs} GROUP BY __g_at`
  const first = knownUs > 0 ? 0 : 1
  const found = await one(
    run,
    `SELECT coalesce((SELECT m FROM (SELECT m, sum(c) OVER (ORDER BY m DESC) AS later, sum(c) OVER () AS fresh, row_number() OVER (ORDER BY m) AS nth FROM (${moments}))
      WHERE nth > ${first} ORDER BY abs(later - fresh * ${share}), m DESC LIMIT 1), (SELECT max(__g_at) + 1 FROM live))`,
  )
  return Number(found[0])
}

async function copiesAreUsual(run: Run, columns: readonly Column[]): Promise<boolean> {
  const names = columns.map(({ name }) => identifier(name)).join(', ')
  const [rows, different] = (
    await one(run, `SELECT (SELECT count(*) FROM learnt), (SELECT count(*) FROM (SELECT DISTINCT ${names} FROM learnt))`)
  ).map(Number) as [number, number]
  return rows > 0 && (rows - different) / rows > usualCopies
}

const same = (columns: readonly Column[]): string =>
  columns.map(({ name }) => `b.${identifier(name)} IS NOT DISTINCT FROM l.${identifier(name)}`).join(' AND ')

async function classesOf(run: Run, { target, original, classes }: GatherInput): Promise<GatherEvidence['classes']> {
  const value = `${identifier(target)}::VARCHAR`
  const [found] = await run([
    {
      sql: `SELECT v, count(*) FILTER (p = 'train/original'), count(*) FILTER (p = 'train/live'), count(*) FILTER (p = 'test/live')
        FROM (SELECT ${value} AS v, __g_part AS p FROM parted UNION ALL SELECT ${value}, 'train/original' FROM learnt WHERE ${original}) WHERE v IS NOT NULL GROUP BY v`,
    },
  ])
  const byValue = new Map(found!.rows.map(([v, ...counts]) => [String(v), counts.map(Number) as [number, number, number]]))
  return classes!.map((name) => {
    const [before, live, sealed] = byValue.get(name) ?? [0, 0, 0]
    return { value: name, original: before, live, sealed }
  })
}

/** Live rows over the time of the window, for a picture. */
async function timelineOf(run: Run): Promise<GatherEvidence['timeline']> {
  const [found] = await run([
    {
      sql: `WITH ends AS (SELECT min(__g_at) AS low, greatest(1, max(__g_at) - min(__g_at) + 1) AS width FROM parted)
        SELECT floor((__g_at - low) * ${mostBuckets} / width)::INTEGER AS b, any_value(low + floor((__g_at - low) * ${mostBuckets} / width) * width / ${mostBuckets}),
          count(*) FILTER (__g_part = 'train/live'), count(*) FILTER (__g_part = 'test/live') FROM parted, ends GROUP BY b ORDER BY b`,
    },
  ])
  return found!.rows.map(([, from, live, sealed]) => ({
    fromMs: Number(from) / 1000,
    live: Number(live),
    sealed: Number(sealed),
  }))
}
