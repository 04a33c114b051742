import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { ColumnType } from '../../../ports/tables/tables.ts'
import { decideType, type Reading } from '../detect/column-type.ts'
import { limits } from '../detect/limits.ts'
import { findPersonalData } from '../detect/personal-data.ts'
import type { ColumnShapes } from '../detect/shapes.ts'
import type { Column, ColumnChange } from '../schema.ts'
import { columnNamed } from '../target.ts'
import { type CastOptions, carefulCast, type Parameters, plainCast, type RawKind } from './cast.ts'
import type { SourceColumn, SourceFile } from './source.ts'

/** What becomes of one column of the file. */
export interface PlannedColumn {
  raw: string
  kind: RawKind
  /** As the file calls it, and as the data set will. */
  from: string
  name: string
  reading: Reading
  action: 'keep' | 'pseudonymise'
  /** The person said so: a value that does not fit is an error, not a reason to read the column differently. */
  chosen: boolean
  /** Some value needs more than the plain cast (spaces, words for missing, a decimal comma). Known after `checkValues`. */
  careful: boolean
  personalData: Column['personalData']
}

/** Decides for each column how it is read, from its values and from what the person said. */
export function planColumns(
  source: Pick<SourceFile, 'columns' | 'options'>,
  shapes: Map<string, ColumnShapes>,
  changes: readonly z.input<typeof ColumnChange>[] = [],
): { columns: PlannedColumn[]; notes: string[] } {
  refuseUnknownChanges(source.columns, changes)
  const change = new Map(changes.map((one) => [one.name, one]))
  const notes: string[] = []
  const columns = settledColumn(source.columns, changes, (column) => {
    const decided = decide(column, shapes.get(column.raw), source.options.decimalComma === true)
    const wanted = change.get(column.name)
    if (!wanted?.type && wanted?.action !== 'drop') notes.push(...decided.notes)
    const reading = wanted?.type ? retype(decided.reading, wanted.type, source.options.decimalComma === true) : decided.reading
    return { reading, personalData: findPersonalData(column.name, reading.type, shapes.get(column.raw)) }
  })
  for (const { name, personalData } of columns)
    if (personalData)
      notes.push(`Column "${name}" may hold personal data (${personalData.kind.replace('_', ' ')}): ${personalData.why}.`)
  return { columns, notes }
}

type Changes = readonly z.input<typeof ColumnChange>[]

export function refuseUnknownChanges(columns: readonly { name: string }[], changes: Changes): void {
  for (const { name } of changes) columnNamed(columns, name, 'columns')
}

/** Applies what the person wants to how each column would be read without. */
export function settledColumn(
  source: readonly SourceColumn[],
  changes: Changes,
  readingOf: (column: SourceColumn) => { reading: Reading; personalData: Column['personalData'] },
): PlannedColumn[] {
  const change = new Map(changes.map((one) => [one.name, one]))
  const columns = source.flatMap((column): PlannedColumn[] => {
    const wanted = change.get(column.name)
    const { reading, personalData } = readingOf(column)
    if (wanted?.action === 'drop') return []
    const pseudonymise = wanted?.action === 'pseudonymise'
    const type = wanted?.type ?? reading.type
    return [
      {
        raw: column.raw,
        kind: column.kind,
        from: column.name,
        name: wanted?.rename?.trim() || column.name,
        reading: pseudonymise
          ? { ...reading, type: type === 'id' ? 'id' : 'category', date: null, decimalComma: false, thousands: false }
          : { ...reading, type, ...((type === 'image' || type === 'audio') && { missing: 'none' as const }) },
        action: pseudonymise ? 'pseudonymise' : 'keep',
        chosen: wanted?.type !== undefined,
        careful: true,
        personalData: pseudonymise ? null : personalData,
      },
    ]
  })
  if (columns.length === 0) throw invalidInput('Every column is dropped: at least one must stay.', { field: 'columns' })
  refuseBadNames(columns)
  return columns
}

function decide(column: SourceColumn, shapes: ColumnShapes | undefined, decimalComma: boolean) {
  if (column.kind === 'text') return decideType(column.name, shapes, decimalComma)
  const reading = (type: ColumnType): Reading => ({ type, missing: 'none', decimalComma: false, thousands: false, date: null })
  if (column.kind === 'string') {
    // The file says text, so digits stay text; only which kind of text is open.
    const { type, missing } = decideType(column.name, shapes, false).reading
    return { reading: { ...reading(type === 'text' || type === 'id' ? type : 'category'), missing }, notes: [] }
  }
  if (column.kind === 'nested') return { reading: reading('text'), notes: [] }
  return { reading: reading(column.kind === 'other' ? 'text' : column.kind), notes: [] }
}

function retype(reading: Reading, type: ColumnType, decimalComma: boolean): Reading {
  const number = type === 'number' || type === 'integer'
  return {
    type,
    missing: reading.missing,
    decimalComma: number && (reading.decimalComma || decimalComma),
    thousands: number && reading.thousands,
    date: type === 'datetime' ? reading.date : null,
  }
}

function refuseBadNames(columns: readonly PlannedColumn[]): void {
  const seen = new Map<string, string>()
  for (const { name, from } of columns) {
    if (name.toLowerCase() === '__row')
      throw invalidInput('The name "__row" is kept for the row number. Choose another.', { field: 'columns', column: from })
    if (name.length > limits.nameLength || /[\x00-\x1f\x7f]/.test(name))
      throw invalidInput(
        `"${name.slice(0, 40)}" cannot be a column name: at most ${limits.nameLength} characters, none of them control characters.`,
        {
          field: 'columns',
          column: from,
        },
      )
    const before = seen.get(name.toLowerCase())
    if (before !== undefined)
      throw invalidInput(`Two columns would be called "${name}" ("${before}" and "${from}"). Rename one.`, {
        field: 'columns',
        column: from,
      })
    seen.set(name.toLowerCase(), from)
  }
}

export const castOptions = (options: SourceFile['options']): CastOptions => ({
  nullValues: options.nullValues,
  dateFormat: options.dateFormat,
})

/** The expression for a column's value, the shortest that is right. */
export function valueExpression(column: PlannedColumn, options: SourceFile['options'], add: Parameters['add']): string {
  const plain = column.careful ? null : plainCast(column.raw, column.kind, column.reading, castOptions(options))
  return plain?.value ?? carefulCast(column.raw, column.kind, column.reading, castOptions(options), add).value
}
