import { invalidInput, unprocessable } from '../../kernel/errors.ts'
import { nestedOf } from '../../ports/inference/encode-tensor.ts'
import { type ModelSignature, mediaTensors, type SignatureColumn } from '../../ports/inference/signature.ts'
import { audioFile, pixelFiles } from './item-files.ts'
import type { Tensor } from './tensors.ts'

export type Row = Record<string, unknown>

/**
 * The rows that tensors stand for, as the native API takes them: a tensor for each column, and one of all columns of numbers in their order. `key` is a
 * field beside the columns that says what a row is about.
 */
export function rowsOfTensors(
  signature: Pick<ModelSignature, 'inputs'>,
  tensors: readonly Tensor[],
  key: string | null = null,
): Row[] {
  const columns = new Map(signature.inputs.map((input) => [input.name, input]))
  if (key !== null && !columns.has(key)) columns.set(key, keyColumn(key))
  const parts = tensors.map((tensor) => {
    const column = columns.get(tensor.name)
    return column ? columnPart(column, tensor) : matrixPart(signature, tensor)
  })
  const [first] = parts
  const other = parts.find(({ rows }) => rows !== first!.rows)
  if (other)
    throw invalidInput(
      `The input "${other.name}" has ${other.rows} rows and "${first!.name}" has ${first!.rows}. All inputs of a request have equally many.`,
      {
        field: 'inputs',
      },
    )
  // Only a column of this name would change what a plain object is, and those are written much faster.
  const isOdd = columns.has('__proto__')
  return Array.from({ length: first!.rows }, (_, r) => {
    const row: Row = isOdd ? Object.create(null) : {}
    for (const { put } of parts) put(row, r)
    return row
  })
}

const keyColumn = (name: string): SignatureColumn => ({ name, type: 'text', tensor: 'strings', index: -1, nullable: true })

interface Part {
  name: string
  rows: number
  put(row: Row, r: number): void
}

function columnPart(column: SignatureColumn, tensor: Tensor): Part {
  const { name, rows, valueAt } = columnValues(column, tensor)
  return {
    name,
    rows,
    put(row, r) {
      row[name] = valueAt(r)
    },
  }
}

interface ColumnValues {
  name: string
  rows: number
  valueAt(r: number): unknown
}

function columnValues(column: SignatureColumn, tensor: Tensor): ColumnValues {
  const { name, values, shape, datatype } = tensor
  if (column.tensor === 'image' && datatype === 'UINT8') {
    const files = pixelFiles(tensor)
    return { name, rows: files.length, valueAt: (r) => files[r] }
  }
  if (column.tensor === 'audio' && datatype === 'FP32' && shape.length === 2)
    return { name, rows: shape[0]!, valueAt: (r) => audioFile(tensor, r, column.sampleRate ?? 16_000) }
  const rows = shape[0] ?? 1
  if (column.tensor === 'values') return tensorValues(column, tensor)
  if (values.length !== rows)
    throw invalidInput(`The input "${name}" has the shape [${shape.join(', ')}]; a column has [rows] or [rows, 1].`, {
      field: `inputs.${name}`,
      column: name,
    })
  const read =
    mediaTensors.has(column.tensor) && column.tensor !== 'tokens'
      ? fileValue
      : column.type === 'datetime'
        ? timeValue
        : plainValue
  return { name, rows, valueAt: (r) => read(values[r]!) }
}

/** A column of tensors: the rows, then the sizes that the model takes. */
function tensorValues(column: SignatureColumn, { name, values, shape, datatype }: Tensor): ColumnValues {
  const wanted = column.shape ?? []
  const fits = shape.length === wanted.length + 1 && wanted.every((size, i) => shape[i + 1] === size)
  if (!fits || datatype === 'BYTES')
    throw invalidInput(
      `The input "${name}" is ${datatype} [${shape.join(', ')}]; the model takes numbers of the shape [rows, ${wanted.join(', ')}].`,
      { field: `inputs.${name}`, column: name },
    )
  const each = wanted.reduce((product, size) => product * size, 1)
  const numbers = values as ArrayLike<number | boolean>
  return {
    name,
    rows: shape[0]!,
    valueAt: (r) =>
      nestedOf(
        Array.from({ length: each }, (_, i) => Number(numbers[r * each + i])),
        wanted,
      ),
  }
}

/** One tensor of all columns of numbers, by whatever name. */
function matrixPart({ inputs }: Pick<ModelSignature, 'inputs'>, { name, values, shape, datatype }: Tensor): Part {
  const columns = inputs.filter(({ tensor }) => tensor === 'numbers')
  const width = shape[1] ?? 0
  if (shape.length !== 2 || width !== columns.length || width === 0 || datatype === 'BYTES')
    throw unprocessable(
      `The model has no column "${name.slice(0, 80)}". It takes a tensor for each of: ${inputs
        .map((input) => input.name)
        .join(', ')
        .slice(
          0,
          2000,
        )}${columns.length > 0 ? `; or one of the shape [rows, ${columns.length}] for all columns of numbers in their order` : ''}.`,
      { column: name.slice(0, 80), problem: 'unknown' },
    )
  return {
    name,
    rows: shape[0]!,
    put(row, r) {
      for (let c = 0; c < width; c++) {
        const column = columns[c]!
        row[column.name] = (column.type === 'datetime' ? timeValue : plainValue)(values[r * width + c]!)
      }
    },
  }
}

type Value = number | boolean | string | Uint8Array

function plainValue(value: Value): unknown {
  if (value instanceof Uint8Array) return textOf(value)
  return typeof value === 'number' && Number.isNaN(value) ? null : value
}

/** A time is ISO text, or milliseconds since 1970. */
function timeValue(value: Value): unknown {
  const plain = plainValue(value)
  return typeof plain === 'number' && Math.abs(plain) <= 8.64e15 ? new Date(plain).toISOString() : plain
}

/** The bytes of a file, or its base64 where that is what the bytes say. */
function fileValue(value: Value): unknown {
  if (!(value instanceof Uint8Array)) return value
  return isBase64(value) ? Buffer.from(value).toString('latin1') : value
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw invalidInput('A value of type BYTES is not UTF-8 text.', { cause: (error as Error).message })
  }
}

const base64 = /^(data:[\w/+.;=-]{0,100},)?[A-Za-z0-9+/=\s]*$/

const isBase64 = (bytes: Uint8Array): boolean =>
  bytes.length > 0 && base64.test(Buffer.from(bytes.subarray(0, 512)).toString('latin1'))
