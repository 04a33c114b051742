import type { Readable } from 'node:stream'
import { invalidInput } from '../../kernel/errors.ts'

/** The format's own limit of a header. */
const mostHeaderBytes = 100_000_000
const mostTensors = 200_000

interface Tensor {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/** Bits of a number of each kind. */
const bitsOf: Record<string, number> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
}

/**
 * Reads the header of a safetensors file (8 bytes of length, JSON, then plain numbers) and checks that the tensors lie within the file, each as
 * long as its shape says and none in another's place. Gives how many numbers they hold. Nothing of it can run.
 */
export async function readSafetensors(
  open: (range: { start: number; end: number }) => Promise<Readable>,
  { path, sizeBytes }: { path: string; sizeBytes: number },
): Promise<{ parameters: number }> {
  const wrong = (why: string) => invalidInput(`"${path}" is no safetensors file: ${why}.`, { file: path })
  if (sizeBytes < 8) throw wrong('it is too short')
  const length = Number((await bytesOf(open({ start: 0, end: 8 }))).readBigUInt64LE())
  if (length > mostHeaderBytes || length > sizeBytes - 8) throw wrong('the length of its header cannot be')
  let header: Record<string, Tensor>
  try {
    header = JSON.parse((await bytesOf(open({ start: 8, end: 8 + length }))).toString('utf8'))
  } catch {
    throw wrong('its header is not JSON')
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) throw wrong('its header is no object')
  let parameters = 0
  const places: { name: string; start: number; end: number }[] = []
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__') continue
    if (places.length >= mostTensors) throw wrong(`it claims more than ${mostTensors} tensors`)
    const called = `the tensor "${name.slice(0, 80)}"`
    const [start, end] = Array.isArray(tensor?.data_offsets) ? tensor.data_offsets : []
    if (!Array.isArray(tensor?.shape) || !isSize(start) || !isSize(end) || start > end || 8 + length + end > sizeBytes)
      throw wrong(`${called} does not lie within it`)
    // Sizes that wrap around are how a shape larger than the file comes to look small.
    const numbers = tensor.shape.reduce((product, size) => (isSize(size) ? product * size : Number.NaN), 1)
    const bits = bitsOf[tensor.dtype]
    if (!Number.isSafeInteger(numbers) || (bits !== undefined && numbers * bits !== (end - start) * 8))
      throw wrong(`${called} has ${end - start} bytes, which its shape [${tensor.shape.slice(0, 8).join(', ')}] does not fill`)
    parameters += numbers
    places.push({ name, start, end })
  }
  places.sort((a, b) => a.start - b.start || a.end - b.end)
  places.forEach(({ name, start }, i) => {
    const before = places[i - 1]
    if (before && before.end > start)
      throw wrong(`the tensors "${before.name.slice(0, 80)}" and "${name.slice(0, 80)}" lie over one another`)
  })
  return { parameters }
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

async function bytesOf(stream: Promise<Readable>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of await stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
