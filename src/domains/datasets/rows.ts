import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { TableColumn, Tables } from '../../ports/tables/tables.ts'
import { type Parameters, parameters } from './import/cast.ts'
import { Filters, type Rows, type RowsQuery } from './schema.ts'

export type Filter = z.output<typeof Filters>[number]

const sqlType: Record<TableColumn['type'], string> = {
  number: 'DOUBLE',
  integer: 'DOUBLE',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMP',
  category: 'VARCHAR',
  text: 'VARCHAR',
  id: 'VARCHAR',
  image: 'VARCHAR',
  audio: 'VARCHAR',
}

/** Reads a page of a table. What people ask for goes in as parameters, column names only when the table has them. */
export async function readRows(
  tables: Tables,
  table: { path: string; columns: readonly TableColumn[]; rows: number },
  query: z.output<typeof RowsQuery>,
  signal?: AbortSignal,
): Promise<z.output<typeof Rows>> {
  const column = (name: string, field: string): TableColumn => {
    const found = table.columns.find((one) => one.name === name)
    if (!found) throw invalidInput(`There is no column "${name.slice(0, 80)}".`, { field, column: name.slice(0, 80) })
    return found
  }
  const shown = query.columns ? splitNames(query.columns, table.columns).map((name) => column(name, 'columns')) : table.columns
  const { values, add } = parameters()
  const where = whereOf(parseFilters(query.where), (name) => column(name, 'where'), add)
  const descending = query.sort?.startsWith('-') && !table.columns.some(({ name }) => name === query.sort)
  const sorted = query.sort ? column(descending ? query.sort.slice(1) : query.sort, 'sort') : null
  const order = sorted ? `${identifier(sorted.name)} ${descending ? 'DESC' : 'ASC'} NULLS LAST, __row` : '__row'
  const names = ['__row', ...shown.map(({ name }) => name)]
  const select = `SELECT ${names.map(identifier).join(', ')} FROM ${parquet(table.path)}`
  const isPlain = where === 'true' && sorted === null
  return tables.session({ files: [table.path], quick: true, memoryBytes: 1024 ** 3, signal }, async (run) => {
    if (isPlain) {
      // Rows are numbered without gaps: the engine reads only the part of the file that holds them.
      const sql = `${select} WHERE __row >= ${query.offset} AND __row < ${query.offset + query.limit} ORDER BY __row`
      const [page] = await run([{ sql }])
      return { columns: names, rows: page!.rows, total: table.rows, offset: query.offset }
    }
    // First which rows, by the columns that decide it alone; then all of these few.
    const chosen = `SELECT __row FROM ${parquet(table.path)} WHERE ${where}`
    const [numbers, total] = await run([
      { sql: `${chosen} ORDER BY ${order} LIMIT ${query.limit} OFFSET ${query.offset}`, params: values },
      { sql: `SELECT count(*) FROM (${chosen})`, params: values },
    ])
    const wanted = numbers!.rows.map(([row]) => Number(row))
    const [page] = wanted.length > 0 ? await run([{ sql: `${select} WHERE __row IN (${wanted.join(', ')})` }]) : []
    const found = new Map(page?.rows.map((row) => [Number(row[0]), row]))
    return {
      columns: names,
      rows: wanted.map((row) => found.get(row)!),
      total: Number(total!.rows[0]![0]),
      offset: query.offset,
    }
  })
}

/** Comma separated; a name that holds commas is understood when the whole of it is a column. */
function splitNames(text: string, columns: readonly TableColumn[]): string[] {
  if (columns.some(({ name }) => name === text)) return [text]
  return text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
}

function parseFilters(text: string | undefined): Filter[] {
  if (!text) return []
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalidInput('The filter is not JSON. Write for example [{"column": "age", "op": ">=", "value": 18}].', {
      field: 'where',
    })
  }
  const parsed = Filters.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw invalidInput(`The filter is not understood: ${issue?.path.join('.')} ${issue?.message}.`, { field: 'where' })
}

export function whereOf(filters: readonly Filter[], column: (name: string) => TableColumn, add: Parameters['add']): string {
  const terms = filters.map((filter) => termOf(filter, column(filter.column), add))
  return terms.length === 0 ? 'true' : terms.join(' AND ')
}

const operators = { '=': '=', '!=': 'IS DISTINCT FROM', '<': '<', '<=': '<=', '>': '>', '>=': '>=' } as const

function termOf({ op, value }: Filter, column: TableColumn, add: Parameters['add']): string {
  const name = identifier(column.name)
  if (op === 'is_missing') return value === false ? `${name} IS NOT NULL` : `${name} IS NULL`
  if (value === null || value === undefined)
    throw invalidInput(`The filter on "${column.name}" has no value.`, { field: 'where', column: column.name })
  if (op === 'contains') return `contains(lower(${name}::VARCHAR), lower(${add(String(value))}::VARCHAR))`
  const type = sqlType[column.type]
  if (type === 'DOUBLE' && (typeof value === 'boolean' || String(value).trim() === '' || !Number.isFinite(Number(value))))
    throw invalidInput(`Column "${column.name}" holds numbers; "${String(value).slice(0, 60)}" is not one.`, {
      field: 'where',
      column: column.name,
    })
  if (type === 'TIMESTAMP' && Number.isNaN(Date.parse(String(value))))
    throw invalidInput(`Column "${column.name}" holds dates; write them as 2024-02-29 or 2024-02-29T12:00:00Z.`, {
      field: 'where',
      column: column.name,
    })
  if (type === 'BOOLEAN' && !/^(true|false)$/i.test(String(value)))
    throw invalidInput(`Column "${column.name}" holds true and false.`, { field: 'where', column: column.name })
  const left = type === 'VARCHAR' ? `${name}::VARCHAR` : name
  return `${left} ${operators[op]} ${add(type === 'TIMESTAMP' ? new Date(String(value)).toISOString() : String(value))}::VARCHAR::${type}`
}
