import { nestedOf } from '../../../ports/inference/encode-tensor.ts'
import { numbersOf } from '../../../ports/inference/signature.ts'
import type { Signature } from '../../registry/schema.ts'

type Row = Record<string, unknown>

/**
 * Rows to compare two ways of asking one model: the person's rows with cells of other rows and numbers moved a little; without any, numbers drawn
 * over several sizes. Texts are never made up. Always the same rows for the same sample.
 */
export function drawnRows(inputs: Signature['inputs'], sample: readonly Row[], count: number): Row[] {
  if (count <= 0 || (sample.length === 0 && inputs.some(({ tensor }) => tensor !== 'numbers' && tensor !== 'values'))) return []
  const random = randomNumbers(20_26)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const drawn = (type: string) => {
    if (type === 'boolean') return random() < 0.5
    const value = normal() * 10 ** Math.floor(random() * 4 - 1)
    return type === 'integer' ? Math.abs(Math.round(value)) : value
  }
  // Of one size within a tensor: networks are steady where their numbers are about alike.
  const tensorOf = (input: Signature['inputs'][number]) => {
    const size = 10 ** Math.floor(random() * 3 - 1)
    return nestedOf(
      Array.from({ length: numbersOf(input) }, () => normal() * size),
      input.shape ?? [],
    )
  }
  const cellOf = (input: Signature['inputs'][number]) => (input.tensor === 'values' ? tensorOf(input) : drawn(input.type))
  return Array.from({ length: count }, (_, n) => {
    if (sample.length === 0) return Object.fromEntries(inputs.map((input) => [input.name, cellOf(input)]))
    const base = sample[n % sample.length]!
    return Object.fromEntries(
      inputs.map(({ name, type }) => {
        const value = random() < 0.3 ? sample[Math.floor(random() * sample.length)]![name] : base[name]
        return [name, type === 'number' && typeof value === 'number' && random() < 0.5 ? value * (1 + 0.1 * normal()) : value]
      }),
    )
  })
}

/** Numbers in [0, 1) by mulberry32: good enough for rows, and the same everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
