import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import { type AnswerKind, answerColumns } from '../../../ports/inference/bulk/answer-columns.ts'
import { copyToParquet, identifier, literal } from '../../../ports/tables/sql.ts'
import type { ColumnType, Tables } from '../../../ports/tables/tables.ts'
import type { MadeTable, MadeTableTarget } from '../../datasets/import/derived.ts'
import type { Column } from '../../datasets/schema.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { TransformSpec } from '../store.ts'
import type { Answered } from './run-job.ts'
import type { LaidColumn } from './spec.ts'

export type KeptTable = MadeTable

export interface KeepTableNeeds {
  files: Files
  tables: Tables
  blobs: BlobStore
  datasets: Pick<DatasetsService, 'measureTable'>
}

const typeOfAnswer: Record<AnswerKind, ColumnType> = {
  category: 'category',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  text: 'text',
}

/** The rows with their predictions as the table of a version: numbered from 0, each column of its type. */
export async function keepTable(
  { files, tables, blobs, datasets }: KeepTableNeeds,
  { context, rows, plan, signature, parts, partsFolder }: Answered,
  to: NonNullable<TransformSpec['output']['dataset']>,
): Promise<KeptTable> {
  const { folder, signal, spec } = context
  const path = files.resolvePath(folder, 'table.parquet')
  const own = rows.columns.filter(({ name }) => name !== '__row')
  const answers: Column[] = answerColumns(signature).map(({ name, kind }) =>
    plainColumn(`${plan.prefix}${name}`, typeOfAnswer[kind]),
  )
  if (plan.reason !== null) answers.push(plainColumn(plan.reason, 'text'))
  const columns = [...own.map(asColumn), ...answers]
  const known = new Set(own.flatMap(({ name, column }) => (column ? [name] : [])))
  const select = columns.map(({ name, type }) =>
    known.has(name) ? identifier(name) : `${stored(name, type)} AS ${identifier(name)}`,
  )
  const from = `read_parquet([${parts.map(literal).join(', ')}])`
  await tables.run({
    folders: [folder, partsFolder],
    scratch: `${folder}/spill`,
    statements: [
      {
        sql: copyToParquet(
          `SELECT row_number() OVER () - 1 AS __row, ${select.join(', ')} FROM ${from}`,
          path,
          columns.length + 1,
        ),
      },
    ],
    signal,
    onProgress: (percent) => context.progress('keep', percent, 100),
  })
  const statistics = await datasets.measureTable(
    { tables, folder, signal },
    path,
    columns.map(({ name }) => name),
  )
  return {
    ...(await blobs.putFile(path)),
    rows: rows.rows,
    columns: columns.map((column) => ({ ...column, nullable: (statistics[column.name]?.missing ?? 0) > 0 })),
    statistics,
    manifest: rows.manifest,
    from: spec.table?.versionId ?? null,
    how: `${'name' in to ? 'made' : 'extended'} with the predictions of ${spec.versionName}`,
  }
}

const plainColumn = (name: string, type: ColumnType): Column => ({
  name,
  type,
  nullable: true,
  personalData: null,
  description: '',
  unit: null,
})

const asColumn = ({ name, sqlType, column }: LaidColumn): Column => column ?? plainColumn(name, typeOf(sqlType))

function typeOf(sqlType: string): ColumnType {
  if (/^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(sqlType)) return 'integer'
  if (/^(DOUBLE|FLOAT|DECIMAL|U?HUGEINT)/.test(sqlType)) return 'number'
  if (sqlType === 'BOOLEAN') return 'boolean'
  return /^(DATE|TIMESTAMP)/.test(sqlType) ? 'datetime' : 'category'
}

const sqlTypes: Partial<Record<ColumnType, string>> = {
  integer: 'BIGINT',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMP',
}

const stored = (name: string, type: ColumnType): string => {
  const sqlType = sqlTypes[type]
  return sqlType ? `${identifier(name)}::${sqlType}` : `${identifier(name)}::VARCHAR`
}

/** Where the rows with their predictions go. */
export function tableTarget(spec: TransformSpec, projectId: string): MadeTableTarget {
  const to = spec.output.dataset!
  if ('addTo' in to) return { dataset: spec.table!.datasetId }
  return { name: to.name, projectId, visibility: spec.visibility, target: spec.table?.target ?? null }
}
