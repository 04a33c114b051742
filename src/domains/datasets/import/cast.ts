import { identifier, literal } from '../../../ports/tables/sql.ts'
import type { TableValue } from '../../../ports/tables/tables.ts'
import type { DateOrder, Reading } from '../detect/column-type.ts'
import { missingWords } from '../detect/shapes.ts'

/** What a column of the raw table holds: text that is still to be read, or values that have their type already. */
export type RawKind = 'text' | 'string' | 'integer' | 'number' | 'boolean' | 'datetime' | 'nested' | 'id' | 'other'

/** Parameters of one statement: values that must not become its text. */
export function parameters(): { values: TableValue[]; add(value: TableValue): string } {
  const values: TableValue[] = []
  return {
    values,
    add(value) {
      values.push(value)
      return `$${values.length}`
    },
  }
}
export type Parameters = ReturnType<typeof parameters>

export interface CastOptions {
  /** What the person says is missing, instead of our words. */
  nullValues?: readonly string[]
  dateFormat?: string
}

/** `value`: the typed value. `bad`: true where there is something that is not of that type; null where nothing can be bad. */
export interface Cast {
  value: string
  bad: string | null
}

const formats: Record<DateOrder, readonly string[]> = {
  dmy_dot: dayTimes('%d.%m.%Y', '%d.%m.%y'),
  dmy_slash: dayTimes('%d/%m/%Y', '%d/%m/%y'),
  mdy_slash: dayTimes('%m/%d/%Y', '%m/%d/%y'),
  ymd_slash: dayTimes('%Y/%m/%d'),
}

function dayTimes(...days: string[]): string[] {
  return days.flatMap((day) => [day, `${day} %H:%M`, `${day} %H:%M:%S`, `${day} %H:%M:%S.%f`])
}

const strings = new Set(['category', 'text', 'id', 'image', 'audio'])
const isString = (reading: Reading) => strings.has(reading.type)

/**
 * The short way to read a column, right when every value is plainly of its type, and a test for values where it is not.
 * Most columns are so, and a short expression is several times cheaper in time and memory. Null: this column has no short way.
 */
export function plainCast(raw: string, kind: RawKind, reading: Reading, options: CastOptions): Cast | null {
  if (kind !== 'text' && kind !== 'string') return castTyped(identifier(raw), kind, reading)
  const column = identifier(raw)
  if (options.nullValues && options.nullValues.length > 0) return null
  if (isString(reading)) {
    const words = ['', ...(options.nullValues ? [] : missingWords)].map(literal).join(', ')
    return { value: column, bad: `length(${column}) <= 6 AND upper(trim(${column})) IN (${words})` }
  }
  if (reading.decimalComma || reading.thousands || reading.date !== null || (reading.type === 'datetime' && options.dateFormat))
    return null
  const as = (type: string) => `TRY_CAST(${column} AS ${type})`
  if (reading.type === 'number')
    return { value: as('DOUBLE'), bad: `${column} IS NOT NULL AND coalesce(NOT isfinite(${as('DOUBLE')}), true)` }
  // The cast rounds 12.5; only where both readings agree the number is whole.
  if (reading.type === 'integer')
    return { value: as('BIGINT'), bad: `${column} IS NOT NULL AND coalesce(${as('BIGINT')}::DOUBLE <> ${as('DOUBLE')}, true)` }
  // The plain cast forgets an offset from UTC.
  if (reading.type === 'datetime')
    return {
      value: as('TIMESTAMP'),
      bad: `${column} IS NOT NULL AND (${as('TIMESTAMP')} IS NULL OR (length(${column}) > 16 AND regexp_matches(${column}, '[+-]\\d{2}(:?\\d{2})?\\s*$')))`,
    }
  return null
}

/** The careful way: spaces, words for missing, decimal commas, date formats. */
export function carefulCast(raw: string, kind: RawKind, reading: Reading, options: CastOptions, add: Parameters['add']): Cast {
  const column = identifier(raw)
  if (kind !== 'text' && kind !== 'string') return castTyped(column, kind, reading)
  const present = withoutMissing(isString(reading) ? column : `trim(${column})`, column, reading, options, add)
  if (isString(reading)) return { value: present, bad: null }
  const value = `(${read(present, reading, options, add)})`
  return { value, bad: `(${present}) IS NOT NULL AND ${value} IS NULL` }
}

function withoutMissing(text: string, column: string, reading: Reading, options: CastOptions, add: Parameters['add']): string {
  const empty = `trim(${column}) = ''`
  if (options.nullValues) {
    const words = options.nullValues.map((word) => `${add(word)}::VARCHAR`)
    return words.length === 0
      ? `NULLIF(${text}, '')`
      : `CASE WHEN ${empty} OR ${column} IN (${words.join(', ')}) THEN NULL ELSE ${text} END`
  }
  // Among answers in words only the unmistakable ones are missing: "-" and "?" may be categories.
  const words = missingWords.filter((word) => !isString(reading) || word.length > 1)
  if (reading.missing === 'none') return `CASE WHEN ${empty} THEN NULL ELSE ${text} END`
  return `CASE WHEN ${empty} OR upper(trim(${column})) IN (${words.map(literal).join(', ')}) THEN NULL ELSE ${text} END`
}

function read(text: string, reading: Reading, options: CastOptions, add: Parameters['add']): string {
  if (reading.type === 'integer') return wholeNumber(plainNumber(text, reading))
  if (reading.type === 'number')
    return `CASE WHEN isfinite(TRY_CAST(${plainNumber(text, reading)} AS DOUBLE)) THEN TRY_CAST(${plainNumber(text, reading)} AS DOUBLE) END`
  if (reading.type === 'boolean')
    return `CASE WHEN lower(${text}) IN ('true', 't', 'yes', 'y', '1', 'on') THEN true WHEN lower(${text}) IN ('false', 'f', 'no', 'n', '0', 'off') THEN false END`
  const iso = `timezone('UTC', TRY_CAST(${text} AS TIMESTAMPTZ))`
  if (options.dateFormat) return `coalesce(try_strptime(${text}, ${add(options.dateFormat)}::VARCHAR), ${iso})`
  if (reading.date === null) return iso
  return `try_strptime(replace(${text}, 'T', ' '), [${formats[reading.date].map(literal).join(', ')}])`
}

function plainNumber(text: string, reading: Reading): string {
  if (reading.decimalComma)
    return `CASE WHEN contains(${text}, ',') THEN replace(replace(${text}, '.', ''), ',', '.') WHEN regexp_full_match(${text}, '[+-]?\\d{1,3}(\\.\\d{3})+') THEN replace(${text}, '.', '') ELSE ${text} END`
  if (reading.thousands)
    return `CASE WHEN regexp_full_match(${text}, '[+-]?\\d{1,3}(,\\d{3})+(\\.\\d+)?') THEN replace(${text}, ',', '') ELSE ${text} END`
  return text
}

/** "12" and "12.0" are whole, "12.5" is not: a plain cast would round it. */
function wholeNumber(text: string): string {
  return `CASE WHEN regexp_full_match(${text}, '[+-]?\\d+') THEN TRY_CAST(${text} AS BIGINT)
    WHEN TRY_CAST(${text} AS DOUBLE) = trunc(TRY_CAST(${text} AS DOUBLE)) AND abs(TRY_CAST(${text} AS DOUBLE)) < 9e15 THEN TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS BIGINT) END`
}

/** From a file that has types (Parquet, JSON). */
function castTyped(column: string, kind: RawKind, reading: Reading): Cast {
  const to = (type: string): Cast => ({
    value: `TRY_CAST(${column} AS ${type})`,
    bad: `${column} IS NOT NULL AND TRY_CAST(${column} AS ${type}) IS NULL`,
  })
  const finite = `CASE WHEN isfinite(TRY_CAST(${column} AS DOUBLE)) THEN TRY_CAST(${column} AS DOUBLE) END`
  switch (reading.type) {
    case 'number':
      return kind === 'datetime'
        ? { value: `(epoch_ms(${column})::DOUBLE)`, bad: null }
        : { value: finite, bad: `${column} IS NOT NULL AND TRY_CAST(${column} AS DOUBLE) IS NULL` }
    case 'integer':
      if (kind !== 'number') return to('BIGINT')
      return {
        value: `CASE WHEN isfinite(${column}::DOUBLE) AND ${column} = trunc(${column}) THEN TRY_CAST(${column} AS BIGINT) END`,
        bad: `isfinite(${column}::DOUBLE) AND (${column} <> trunc(${column}) OR TRY_CAST(${column} AS BIGINT) IS NULL)`,
      }
    case 'boolean':
      return to('BOOLEAN')
    case 'datetime':
      return to('TIMESTAMP')
    case 'id':
      return kind === 'integer'
        ? { value: `${column}::BIGINT`, bad: null }
        : { value: `NULLIF(${column}::VARCHAR, '')`, bad: null }
    default:
      return { value: kind === 'nested' ? `to_json(${column})::VARCHAR` : `NULLIF(${column}::VARCHAR, '')`, bad: null }
  }
}

const nounOf: Record<string, string> = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'a yes or no (true, false, yes, no, 1, 0)',
  datetime: 'a date',
}
export const typeWords = (type: string): string => nounOf[type] ?? `a ${type}`
