import type { Readable } from 'node:stream'
import { invalidInput } from '../../kernel/errors.ts'

/** The format's own limit of a header. */
const mostHeaderBytes = 100_000_000

interface Tensor {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/**
 * Reads the header of a safetensors file (8 bytes of length, JSON, then plain numbers) and checks that the tensors lie within the file.
 * Gives how many numbers they hold. Nothing of it can run.
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
  let parameters = 0
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const [start, end] = tensor?.data_offsets ?? []
    if (!Array.isArray(tensor?.shape) || start === undefined || end === undefined || start > end || 8 + length + end > sizeBytes)
      throw wrong(`the tensor "${name.slice(0, 80)}" does not lie within it`)
    parameters += tensor.shape.reduce((product, size) => product * size, 1)
  }
  return { parameters }
}

async function bytesOf(stream: Promise<Readable>): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of await stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
