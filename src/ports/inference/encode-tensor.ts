import { createHash } from 'node:crypto'
import { unprocessable } from '../../kernel/errors.ts'
import { describe, type Notes, noteMissing } from './encode.ts'
import { numbersOf, type SignatureColumn } from './signature.ts'

/** Reads a column whose values are tensors of one shape: nested lists, one flat list, or typed numbers, in row-major order. */
export interface TensorReader {
  name: string
  index: number
  width: number
  /** Laid into `numbers` from `at` on. */
  readInto(value: unknown, numbers: Float64Array, at: number, row: number, notes: Notes): void
}

export function tensorReader(input: SignatureColumn): TensorReader {
  const shape = input.shape ?? []
  const width = shape.reduce((product, size) => product * size, 1)

  function readInto(value: unknown, numbers: Float64Array, at: number, row: number, notes: Notes): void {
    if (value === null || value === undefined || value === '') {
      noteMissing({ ...input, required: true }, value, row, notes)
      return
    }
    const given = typeof value === 'string' ? parsed(value, input, row) : value
    if (isTyped(given) || (Array.isArray(given) && shape.length !== 1 && !Array.isArray(given[0]))) flat(given, numbers, at, row)
    else nested(given, 0, numbers, at, row)
  }

  function flat(values: ArrayLike<unknown>, numbers: Float64Array, at: number, row: number): void {
    if (values.length !== width) throw wrong(input, row, `a list of ${values.length} numbers`)
    for (let i = 0; i < width; i++) numbers[at + i] = numberOf(values[i], input, row)
  }

  /** Answers where the next value goes. */
  function nested(values: unknown, depth: number, numbers: Float64Array, at: number, row: number): number {
    if (depth === shape.length) {
      numbers[at] = numberOf(values, input, row)
      return at + 1
    }
    if (!Array.isArray(values))
      throw wrong(input, row, depth === 0 ? describe(values) : `${describe(values)} at depth ${depth + 1}`)
    if (values.length !== shape[depth])
      throw wrong(input, row, `a list of ${values.length} at depth ${depth + 1}, where ${shape[depth]} are wanted`)
    let next = at
    for (const inner of values) next = nested(inner, depth + 1, numbers, next, row)
    return next
  }

  return { name: input.name, index: input.index, width, readInto }
}

/** The nested lists of a tensor's values. */
export function nestedOf(values: ArrayLike<number>, shape: readonly number[]): unknown[] {
  let parts: unknown[] = Array.from(values)
  for (let depth = shape.length - 1; depth > 0; depth--) {
    const size = shape[depth]!
    parts = Array.from({ length: parts.length / size }, (_, i) => parts.slice(i * size, (i + 1) * size))
  }
  return parts
}

const isTyped = (value: unknown): value is ArrayLike<number> => ArrayBuffer.isView(value) && !(value instanceof DataView)

/** A table's cell holds it as JSON. */
function parsed(text: string, input: SignatureColumn, row: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrong(input, row, 'a text that is no JSON list')
  }
}

function numberOf(value: unknown, input: SignatureColumn, row: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'boolean') return Number(value)
  throw wrong(input, row, `${describe(value)} in it`)
}

const wrong = (input: SignatureColumn, row: number, got: string): Error =>
  unprocessable(
    `Row ${row}, column "${input.name}": expected numbers of the shape [${(input.shape ?? []).join(', ')}] (nested lists, or one flat list), got ${got}.`,
    { row, column: input.name, expected: `tensor [${(input.shape ?? []).join(', ')}]`, problem: 'type' },
  )

/** Longer tensors are kept by what they are, not by their numbers. */
const mostKept = 1024

/** Rows as they may be kept: large tensors as their shape and hash; null where there is none. */
export function withoutLargeTensors(inputs: readonly SignatureColumn[]): ((rows: readonly unknown[]) => unknown[]) | null {
  const large = inputs.filter((input) => input.tensor === 'values' && numbersOf(input) > mostKept)
  if (large.length === 0) return null
  return (rows) =>
    rows.map((row) => {
      const kept = { ...(row as Record<string, unknown>) }
      for (const { name, shape } of large)
        kept[name] =
          `tensor [${shape!.join(', ')}] sha256:${createHash('sha256').update(JSON.stringify(kept[name])).digest('hex').slice(0, 32)}`
      return kept
    })
}
