import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import { parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Signature } from '../registry/schema.ts'
import {
  type Baseline,
  type BaselineColumn,
  baselineFormat,
  binCounts,
  edgesOf,
  mostCategories,
  mostSampled,
  pointsOf,
} from './baseline.ts'
import { drawRows, mostJointRows } from './sampled-rows.ts'
import { type WatchedColumn, watchedAlias, watchedColumns } from './watched-columns.ts'

export interface BaselineNeeds {
  tables: Tables
  blobs: BlobStore
  /** Lays the rows of the baseline as `data.parquet` in a folder. */
  layRows(folder: string): Promise<void>
}

/** Reads once what the version was trained on, and what it said of rows it had not seen. */
export async function makeBaseline(
  needs: BaselineNeeds,
  about: { versionId: string; signature: Signature; predictionsSha256: string | null; folder: string; signal: AbortSignal },
): Promise<Baseline> {
  const { folder, signature, signal } = about
  await needs.layRows(folder)
  const inputs = watchedColumns(signature).filter((column) => column.role === 'input')
  const source = `SELECT __row AS row_id, ${inputs.map((column, i) => `${column.ofTable} AS ${watchedAlias(i)}`).join(', ')} FROM ${parquet(`${folder}/data.parquet`)}`
  const { columns, ...read } = await describe(needs.tables, { source, columns: inputs, folder, signal })
  const prediction = watchedColumns(signature).find((column) => column.role === 'prediction')
  if (about.predictionsSha256 && prediction) {
    const file = `${folder}/predictions.parquet`
    await needs.blobs.materialise(about.predictionsSha256, file)
    const said = `SELECT __row AS row_id, ${storedPrediction(signature)} AS ${watchedAlias(0)} FROM ${parquet(file)}`
    columns.push(...(await describe(needs.tables, { source: said, columns: [prediction], folder, signal })).columns)
  }
  return { format: baselineFormat, version: about.versionId, ...read, columns }
}

/** The answer in the predictions that evaluation left (docs/job-contract.md). */
function storedPrediction({ task, positive, classes, decoding }: Signature): string {
  if (task === 'regression') return 'prediction::DOUBLE'
  if (task === 'multiclass') return 'predicted::VARCHAR'
  if (decoding) return 'length(predicted)::DOUBLE'
  return `p_${positive === null ? 1 : (classes ?? []).indexOf(positive)}::DOUBLE`
}

interface Described {
  source: string
  columns: readonly WatchedColumn[]
  folder: string
  signal: AbortSignal
}

/** What a query holds, in the form that drift is measured against. */
export async function describe(
  tables: Tables,
  { source, columns, folder, signal }: Described,
): Promise<Pick<Baseline, 'rows' | 'columns' | 'joint'>> {
  const job = { folders: [folder], scratch: folder, signal }
  const numbers = columns.flatMap((column, i) => (column.kind === 'number' ? [{ column, alias: watchedAlias(i) }] : []))
  const categories = columns.flatMap((column, i) => (column.kind === 'category' ? [{ column, alias: watchedAlias(i) }] : []))
  const results = await tables.run({
    ...job,
    statements: [
      { sql: `CREATE TEMP VIEW source AS ${source}` },
      { sql: `SELECT count(*)${categories.map(({ alias }) => `, count(${alias})`).join('')} FROM source` },
      // The rows with the lowest hash: a sample that is the same whenever it is drawn.
      {
        sql: `SELECT ${numbers.map(({ alias }) => alias).join(', ') || '1'} FROM source ORDER BY hash(row_id), row_id LIMIT ${mostSampled}`,
      },
      ...categories.map(({ alias }) => ({
        sql: `SELECT ${alias}, count(*) AS n FROM source WHERE ${alias} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${mostCategories}`,
      })),
    ],
  })
  const [rows, ...present] = results[1]!.rows[0] as number[]
  const samples = numbers.map((_, at) =>
    results[2]!.rows
      .map((row) => row[at])
      .filter((value): value is number => typeof value === 'number')
      .sort((a, b) => a - b),
  )
  const ends = samples.map(edgesOf)
  const points = ends.map((end) => pointsOf({ sample: [], ...end }))
  const counts =
    numbers.length === 0
      ? []
      : await tables.session(job, (_run, countCells) =>
          countCells({ sql: `SELECT ${numbers.map(({ alias }) => alias).join(', ')} FROM (${source})` }, points),
        )
  const numberColumns = numbers.map(({ column }, at): BaselineColumn => {
    const { cells, missing } = counts[at]!
    return {
      kind: 'number',
      name: column.name,
      role: column.role,
      rows: rows!,
      missing,
      sample: samples[at]!,
      ...ends[at]!,
      bins: binCounts(points[at]!, cells, ends[at]!.edges),
      shownBins: binCounts(points[at]!, cells, ends[at]!.shownEdges),
      format: column.format,
    }
  })
  const categoryColumns = categories.map(({ column }, at): BaselineColumn => {
    const listed = (results[3 + at]!.rows as [string, number][]).map(([value, count]) => ({ value, count }))
    const named = listed.reduce((sum, { count }) => sum + count, 0)
    return {
      kind: 'category',
      name: column.name,
      role: column.role,
      rows: rows!,
      missing: rows! - present[at]!,
      categories: listed,
      others: present[at]! - named,
    }
  })
  const whole = columns
    .map(({ name, kind, role }, i) => ({ name, kind, role, alias: watchedAlias(i) }))
    .filter(({ role }) => role === 'input')
  const joint = await drawRows(tables, {
    source,
    rows: rows!,
    columns: whole,
    most: mostJointRows(whole.length),
    folders: [folder],
    signal,
  })
  const byName = new Map([...numberColumns, ...categoryColumns].map((column) => [column.name, column]))
  return { rows: rows!, columns: columns.map((column) => byName.get(column.name)!), joint }
}
