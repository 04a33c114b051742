import { invalidInput } from '../../../kernel/errors.ts'
import type { AnyEncoder, EncodedRows } from '../../../ports/inference/encode.ts'

type Row = Record<string, unknown>

/** Whether a policy's key is a field beside the inputs, which the model is not given. */
export const isBeside = (encoder: AnyEncoder, key: string | null): key is string => key !== null && !encoder.columns.includes(key)

/** Reads rows without the field that only says what they are about; where files are described for capturing, it is put back. */
export function encodeBeside(encoder: AnyEncoder, rows: readonly unknown[], key: string): EncodedRows | Promise<EncodedRows> {
  const keys = rows.map((row, i) => (isRow(row) && Object.hasOwn(row, key) ? keyOf(row[key], key, i) : undefined))
  const read = encoder.encode(rows.map((row, i) => (keys[i] === undefined ? row : withoutKey(row, key))))
  const withKeys = (encoded: EncodedRows): EncodedRows => {
    const { forCapture } = encoded
    if (!forCapture) return encoded
    return {
      ...encoded,
      forCapture: async (options) =>
        (await forCapture(options)).map((row, i) => (keys[i] === undefined ? row : { ...(row as Row), [key]: keys[i] })),
    }
  }
  return read instanceof Promise ? read.then(withKeys) : withKeys(read)
}

const isRow = (row: unknown): row is Row => row !== null && typeof row === 'object' && !Array.isArray(row)

export const withoutKey = (row: unknown, key: string): unknown =>
  isRow(row) ? Object.fromEntries(Object.entries(row).filter(([name]) => name !== key)) : row

const mostCharacters = 1000

function keyOf(value: unknown, key: string, row: number): unknown {
  const isPlain = value === null || (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'string'
  if (isPlain && String(value).length <= mostCharacters) return value
  throw invalidInput(`Row ${row}, field "${key}": a key is a text of at most ${mostCharacters} characters or a number.`, {
    row,
    column: key,
  })
}
