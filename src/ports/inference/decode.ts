import { nestedOf } from './encode-tensor.ts'
import type { RawBatch } from './inference.ts'
import type { ModelSignature, SignatureColumn } from './signature.ts'
import { mediaTensors, numbersOf, shapeOf } from './signature.ts'

export type RawRow = Record<string, string | number | boolean | null | unknown[]>

/** Turns raw tensors back into rows as a client would send them: the inverse of the encoder. */
export function decodeRows(signature: ModelSignature, batch: RawBatch): RawRow[] {
  const { numberColumns, stringColumns } = shapeOf(signature)
  return Array.from({ length: batch.rows }, (_, r) => {
    const row: RawRow = {}
    for (const input of signature.inputs) {
      if (mediaTensors.has(input.tensor)) row[input.name] = batch.items?.[r]?.fields?.[input.name] ?? null
      else if (input.tensor === 'values') {
        const at = r * numberColumns + input.index
        row[input.name] = nestedOf(batch.numbers.subarray(at, at + numbersOf(input)), input.shape ?? [])
      } else
        row[input.name] =
          input.tensor === 'numbers'
            ? plainValue(input, batch.numbers[r * numberColumns + input.index]!)
            : batch.strings[r * stringColumns + input.index]! || null
    }
    return row
  })
}

function plainValue(input: SignatureColumn, value: number): string | number | boolean | null {
  if (Number.isNaN(value)) return null
  if (input.type === 'boolean') return value !== 0
  if (input.type === 'datetime') return isoText(value)
  return value
}

/** ISO text of a time in milliseconds, with the fraction of a millisecond that `Date` would drop. */
function isoText(ms: number): string {
  const whole = Math.floor(ms)
  const micros = Math.round((ms - whole) * 1000)
  const text = new Date(whole).toISOString()
  return micros === 0 ? text : text.replace('Z', `${String(micros).padStart(3, '0')}Z`)
}
