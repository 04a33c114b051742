import { invalidInput, isPlatformError, unprocessable } from '../../kernel/errors.ts'
import type { RawBody } from '../../kernel/raw-body.ts'
import { tensorReader, withoutLargeTensors } from './encode-tensor.ts'
import { bodyReader } from './encode-text.ts'
import type { RawBatch } from './inference.ts'
import { parseIsoDate } from './iso-date.ts'
import type { CaptureWishes } from './media/describe-files.ts'
import { Problems } from './problems.ts'
import type { ModelSignature, SignatureColumn } from './signature.ts'
import { numbersOf, shapeOf } from './signature.ts'

export interface EncodedRows {
  batch: RawBatch
  /** Values outside what training saw, one sentence per column and reason. */
  warnings: string[]
  /** Read straight from the text: the body holds rows and nothing else. */
  isPlain?: boolean
  /** The rows as they may be kept: files by their hash, not by their bytes. Absent where they are small as they came. */
  forCapture?(options: CaptureWishes): Promise<unknown[]>
}

/** Reads rows, at once or later (where they hold what takes long to prepare). */
export interface AnyEncoder extends Omit<RowEncoder, 'encode'> {
  encode(rows: readonly unknown[]): EncodedRows | Promise<EncodedRows>
  close?(): Promise<void>
}

export interface RowEncoder {
  readonly columns: readonly string[]
  /** Refuses with `unprocessable`, naming row (from 0) and column of all (up to a bound) that the signature does not allow. */
  encode(rows: readonly unknown[]): EncodedRows
  /**
   * The same straight from a body as it came, for rows written as those that `learn` saw last. Null where it would have to refuse, warn, or read
   * what is not plain: then the body is parsed, and `encode` says what there is to say. What it reads is ASCII without line breaks.
   */
  encodeBody(body: RawBody): RawBatch | null
  /** The same for whoever is done with it before the next call: a row is laid where the next will be. */
  encodeBodyOnce(body: RawBody): RawBatch | null
  learn(rows: readonly unknown[]): void
  /** From now on these fields of a row are somebody else's, and no mistake. */
  allowOthers(names: readonly string[]): void
}

/**
 * Compiles a signature into an encoder of JSON rows. A row is an object of raw columns: null (or "") is missing in any column,
 * an absent key is missing only where the column was seen missing in training, datetimes are ISO 8601 text, and a field that the model does not
 * know is refused unless `unknownFields` is 'ignore' (a table's other columns); `others` are columns that somebody else reads.
 */
export function compileEncoder(
  signature: ModelSignature,
  { unknownFields = 'refuse', others = [] }: { unknownFields?: 'refuse' | 'ignore'; others?: readonly string[] } = {},
): RowEncoder {
  const { numberColumns, stringColumns } = shapeOf(signature)
  checkLayout(signature.inputs, numberColumns, stringColumns)
  const known = new Set(signature.inputs.map((input) => input.name))
  const allKnown = new Set([...known, ...others])
  // A column called "constructor" must not find what every object inherits.
  const inheritsNames = signature.inputs.some((input) => input.name in Object.prototype)
  const numberReaders = signature.inputs.filter((input) => input.tensor === 'numbers').map(numberReader)
  const stringReaders = signature.inputs.filter((input) => input.tensor === 'strings').map(stringReader)
  const shortened = withoutLargeTensors(signature.inputs)
  const tensorReaders = signature.inputs.filter((input) => input.tensor === 'values').map(tensorReader)

  function encode(rows: readonly unknown[]): EncodedRows {
    try {
      return layOut(rows)
    } catch (error) {
      if (!isPlatformError(error) || error.code !== 'unprocessable') throw error
      // Only now, when nobody waits for an answer, is it asked what else is wrong.
      throw allProblems(rows).asError() ?? error
    }
  }

  function layOut(rows: readonly unknown[]): EncodedRows {
    const numbers = new Float64Array(rows.length * numberColumns)
    const strings = new Array<string>(rows.length * stringColumns)
    const notes = new Notes()
    for (let r = 0; r < rows.length; r++) {
      const row = rows[r]
      const fields = fieldsOf(row, r)
      let found = 0
      for (let c = 0; c < numberReaders.length; c++) {
        const reader = numberReaders[c]!
        const value = fields[reader.name]
        if (value !== undefined) found++
        numbers[r * numberColumns + reader.index] = reader.read(value, r, notes)
      }
      for (let c = 0; c < stringReaders.length; c++) {
        const reader = stringReaders[c]!
        const value = fields[reader.name]
        if (value !== undefined) found++
        strings[r * stringColumns + reader.index] = reader.read(value, r, notes)
      }
      for (const reader of tensorReaders) {
        const value = fields[reader.name]
        if (value !== undefined) found++
        reader.readInto(value, numbers, r * numberColumns + reader.index, r, notes)
      }
      if (unknownFields === 'refuse') {
        let fieldCount = 0
        for (const key in fields) if (fields[key] !== undefined) fieldCount++
        if (fieldCount !== found) refuseUnknown(fields, allKnown, r)
      }
    }
    const read = { batch: { rows: rows.length, numbers, strings }, warnings: notes.sentences() }
    return shortened ? { ...read, forCapture: async () => shortened(rows) } : read
  }

  function fieldsOf(row: unknown, r: number): Record<string, unknown> {
    if (row === null || typeof row !== 'object' || Array.isArray(row))
      throw unprocessable(`Row ${r} must be an object of columns, not ${describe(row)}.`, { row: r, problem: 'row' })
    return (inheritsNames ? Object.assign(Object.create(null), row) : row) as Record<string, unknown>
  }

  function allProblems(rows: readonly unknown[]): Problems {
    const problems = new Problems()
    const notes = new Notes()
    for (let r = 0; r < rows.length && !problems.isFull; r++)
      problems.gather(() => {
        const fields = fieldsOf(rows[r], r)
        for (const reader of [...numberReaders, ...stringReaders])
          problems.gather(() => reader.read(fields[reader.name], r, notes))
        for (const reader of tensorReaders)
          problems.gather(() => reader.readInto(fields[reader.name], new Float64Array(reader.width), 0, r, notes))
        if (unknownFields === 'ignore') return
        for (const key of Object.keys(fields)) problems.gather(() => refuseUnknown({ [key]: fields[key] }, allKnown, r))
      })
    return problems
  }

  const direct = bodyReader({ numbers: numberReaders, strings: stringReaders })

  function encodeBody(body: RawBody, isOnce = false): RawBatch | null {
    if (tensorReaders.length > 0) return null
    const notes = new Notes()
    try {
      const batch = direct.encode(body, notes, isOnce)
      return notes.isEmpty ? batch : null
    } catch {
      return null
    }
  }

  return {
    columns: [...known],
    encode,
    encodeBody: (body) => encodeBody(body),
    encodeBodyOnce: (body) => encodeBody(body, true),
    learn: (rows) => {
      if (tensorReaders.length === 0) direct.learn(rows[0] as object)
    },
    allowOthers(names) {
      for (const name of names) allKnown.add(name)
    },
  }
}

/** Reads one column's value, or refuses it. */
export interface Reader<T> {
  name: string
  index: number
  /** A number from low to high is itself, and nothing need be said of it. */
  low: number
  high: number
  read(value: unknown, row: number, notes: Notes): T
}

function numberReader(input: SignatureColumn): Reader<number> {
  const { name, index } = input
  const low = input.min ?? Number.NEGATIVE_INFINITY
  const high = input.max ?? Number.POSITIVE_INFINITY
  const parse = numberParsers[input.type] ?? numberParsers.number!
  const isAny = parse === plainNumber
  return {
    name,
    index,
    low: isAny ? Math.max(low, -Number.MAX_VALUE) : Number.NaN,
    high: isAny ? Math.min(high, Number.MAX_VALUE) : Number.NaN,
    read(value, row, notes) {
      if (typeof value !== 'number' || parse !== plainNumber) {
        if (value === null || value === undefined || value === '') {
          noteMissing(input, value, row, notes)
          return Number.NaN
        }
        const parsed = parse(value, input, row)
        if (parsed < low || parsed > high) noteOutside(input, value, row, notes)
        return parsed
      }
      if (!Number.isFinite(value)) refuseNonFinite(value, input, row)
      if (value < low || value > high) noteOutside(input, value, row, notes)
      return value
    },
  }
}

const plainNumber = (value: unknown, input: SignatureColumn, row: number): number => wrongType(value, input, row, 'a number')

const numberParsers: Record<string, (value: unknown, input: SignatureColumn, row: number) => number> = {
  number: plainNumber,
  integer(value, input, row) {
    if (typeof value !== 'number') return wrongType(value, input, row, 'a whole number')
    if (!Number.isFinite(value)) refuseNonFinite(value, input, row)
    if (!Number.isInteger(value)) return wrongType(value, input, row, 'a whole number')
    return value
  },
  boolean(value, input, row) {
    if (value === true || value === 1) return 1
    if (value === false || value === 0) return 0
    return wrongType(value, input, row, 'true or false')
  },
  datetime(value, input, row) {
    const time = typeof value === 'string' ? parseIsoDate(value) : Number.NaN
    return Number.isNaN(time)
      ? wrongType(value, input, row, 'an ISO 8601 date such as "2026-01-31" or "2026-01-31T12:00:00Z"')
      : time
  },
}

function stringReader(input: SignatureColumn): Reader<string> {
  const { name, index } = input
  const seen = input.categories && !input.categoriesTruncated && input.type !== 'text' ? new Set(input.categories) : null
  return {
    name,
    index,
    low: Number.NaN,
    high: Number.NaN,
    read(value, row, notes) {
      if (typeof value !== 'string') {
        if (value !== null && value !== undefined)
          wrongType(value, input, row, typeof value === 'object' ? 'text' : `text (send ${JSON.stringify(String(value))})`)
        noteMissing(input, value, row, notes)
        return ''
      }
      if (value === '') noteMissing(input, null, row, notes)
      else if (seen !== null && !seen.has(value)) {
        if (input.closed) refuseUnknownWord(input, value, row)
        notes.add(input.name, 'unseen', row, `${JSON.stringify(shorten(value))} was never seen in training`)
      }
      return value
    },
  }
}

export function noteMissing(input: SignatureColumn, value: unknown, row: number, notes: Notes): void {
  if (input.nullable) return
  if (value === undefined) {
    throw unprocessable(`Row ${row} lacks the column "${input.name}" (${input.type}). Send null if its value is not known.`, {
      row,
      column: input.name,
      expected: input.type,
      problem: 'missing',
    })
  }
  if (input.required)
    throw unprocessable(`Row ${row}, column "${input.name}": the value is missing, and the model answers no row without it.`, {
      row,
      column: input.name,
      expected: input.type,
      problem: 'missing',
    })
  notes.add(input.name, 'missing', row, 'the value is missing; in training it never was')
}

function refuseUnknownWord(input: SignatureColumn, value: string, row: number): never {
  throw unprocessable(
    `Row ${row}, column "${input.name}": the model knows no ${JSON.stringify(shorten(value))} and answers no row with it. It knows: ${listOf(input.categories ?? [])}.`,
    { row, column: input.name, expected: input.type, problem: 'value' },
  )
}

function noteOutside(input: SignatureColumn, value: unknown, row: number, notes: Notes): void {
  const show = (bound: number | null | undefined) =>
    bound == null ? 'any' : input.type === 'datetime' ? new Date(bound).toISOString() : String(bound)
  notes.add(input.name, 'outside', row, `${value} is outside what training saw (${show(input.min)} to ${show(input.max)})`)
}

function refuseUnknown(fields: Record<string, unknown>, known: ReadonlySet<string>, row: number): void {
  for (const key of Object.keys(fields)) {
    if (known.has(key) || fields[key] === undefined) continue
    const near = [...known].find((name) => name.toLowerCase().replace(/[\s_-]/g, '') === key.toLowerCase().replace(/[\s_-]/g, ''))
    const help = near ? `Did you mean "${near}"?` : `It takes: ${listOf([...known])}.`
    throw unprocessable(`Row ${row} has a field "${shorten(key)}" that the model does not use. ${help}`, {
      row,
      column: shorten(key),
      problem: 'unknown',
    })
  }
}

function wrongType(value: unknown, input: SignatureColumn, row: number, wanted: string): never {
  throw unprocessable(`Row ${row}, column "${input.name}": expected ${wanted}, got ${describe(value)}.`, {
    row,
    column: input.name,
    expected: input.type,
    problem: 'type',
  })
}

function refuseNonFinite(value: number, input: SignatureColumn, row: number): never {
  throw unprocessable(`Row ${row}, column "${input.name}": ${value} is not a finite number. Send null for a missing value.`, {
    row,
    column: input.name,
    expected: input.type,
    problem: 'value',
  })
}

function checkLayout(inputs: readonly SignatureColumn[], numberColumns: number, stringColumns: number): void {
  const seen = new Set<string>()
  for (const input of inputs) {
    const place = `${input.tensor} ${input.index}`
    const taken = numbersOf(input)
    const width = taken > 0 ? numberColumns : stringColumns
    if (
      !Number.isInteger(input.index) ||
      input.index < 0 ||
      input.index + Math.max(1, taken) > width ||
      seen.has(place) ||
      seen.has(`name ${input.name}`)
    ) {
      throw invalidInput(`The signature places the column "${input.name}" at ${place}, which is taken or out of range.`, {
        column: input.name,
      })
    }
    seen.add(place).add(`name ${input.name}`)
  }
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)
const listOf = (names: string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')

export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return `the text ${JSON.stringify(shorten(value))}`
  return `the ${typeof value} ${String(value)}`
}

/** Warnings gathered over a batch: the first row of each (column, reason) speaks, the others are counted. */
export class Notes {
  private notes: Map<string, { column: string; row: number; sentence: string; more: number }> | null = null

  add(column: string, reason: string, row: number, sentence: string): void {
    this.notes ??= new Map()
    const key = `${reason} ${column}`
    const note = this.notes.get(key)
    if (note) note.more++
    else this.notes.set(key, { column, row, sentence, more: 0 })
  }

  get isEmpty(): boolean {
    return this.notes === null
  }

  sentences(): string[] {
    if (this.notes === null) return []
    return [...this.notes.values()].map(
      ({ column, row, sentence, more }) =>
        `Row ${row}, column "${column}": ${sentence}${more > 0 ? ` (and ${more} more ${more === 1 ? 'row' : 'rows'} like it)` : ''}.`,
    )
  }
}
