import { identifier, literal, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Column } from '../datasets/schema.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { type Captured, capturedRows } from './captured-rows.ts'
import { pointer } from './watched-columns.ts'

/** A table of answers beside the columns that say whom they were about. */
export interface GroupedRows {
  /** `__row`, the columns, `predicted` and `actual`. */
  file: string
  columns: Column[]
  rows: number
  /** Whether `actual` is what turned out; else it repeats what was predicted. */
  hasTruth: boolean
}

export interface GroupedWish {
  version: ModelVersion
  names: readonly string[]
  signal: AbortSignal
}

/** From `labelledRows`: answers whose truth is known. */
export function layLabelledGroups(
  tables: Tables,
  { version, names, file, folder, signal }: GroupedWish & { file: string; folder: string },
): Promise<GroupedRows> {
  const predicted = version.signature.classes === null ? '__value' : '__label'
  const select = `SELECT ${[...names.map(identifier), `${predicted} AS predicted`, '__truth AS actual'].join(', ')}
    FROM ${parquet(file)} WHERE __version = ${literal(version.id)} AND __truth IS NOT NULL`
  return lay(tables, select, { version, names, folders: [folder], folder, hasTruth: true, signal })
}

/** From traffic: what was answered, whatever turned out. */
export function layAnsweredGroups(
  tables: Tables,
  { version, names, captured, signal }: GroupedWish & { captured: Captured },
): Promise<GroupedRows> {
  const said = version.signature.classes === null ? `TRY_CAST((prediction ->> '/value') AS DOUBLE)` : `(prediction ->> '/label')`
  const columns = names.map((name) => {
    const text = `(row_values ->> ${literal(pointer(name))})`
    return `${isNumber(version, name) ? `TRY_CAST(${text} AS DOUBLE)` : text} AS ${identifier(name)}`
  })
  const select = `SELECT ${[...columns, `${said} AS predicted`, `${said} AS actual`].join(', ')} FROM (${capturedRows(captured)})`
  const folders = [captured.captures.folder, captured.folder]
  return lay(tables, select, { version, names, folders, folder: captured.folder, hasTruth: false, signal })
}

async function lay(
  tables: Tables,
  select: string,
  about: GroupedWish & { folders: string[]; folder: string; hasTruth: boolean },
): Promise<GroupedRows> {
  const { version, names, folders, folder, hasTruth, signal } = about
  const file = `${folder}/groups${hasTruth ? '-labelled' : ''}.parquet`
  const [, counted] = await tables.run({
    folders,
    scratch: folder,
    signal,
    statements: [
      { sql: `COPY (SELECT row_number() OVER () AS __row, * FROM (${select})) TO ${literal(file)} (FORMAT parquet)` },
      { sql: `SELECT count(*) FROM ${parquet(file)}` },
    ],
  })
  const columns = names.map(
    (name): Column => ({
      name,
      type: isNumber(version, name) ? 'number' : 'category',
      nullable: true,
      personalData: null,
      description: '',
      unit: null,
    }),
  )
  return { file, columns, rows: counted!.rows[0]![0] as number, hasTruth }
}

function isNumber({ signature }: ModelVersion, name: string): boolean {
  const type = signature.inputs.find((input) => input.name === name)?.type
  return type === 'number' || type === 'integer'
}
