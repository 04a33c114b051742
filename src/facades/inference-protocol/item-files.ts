import { invalidInput } from '../../kernel/errors.ts'
import { pixelsPng } from '../../ports/inference/spatial/mask-png.ts'
import type { Tensor } from './tensors.ts'

/** Images as pixels ([rows, height, width, colours], or one without rows) as the files that the model's own preparation reads: nothing is lost. */
export function pixelFiles({ name, shape, values }: Tensor): Uint8Array[] {
  const [rows, height, width, channels] = shape.length === 4 ? shape : [1, ...shape]
  if (shape.length < 3 || shape.length > 4 || (channels !== 1 && channels !== 3 && channels !== 4) || !height || !width)
    throw invalidInput(`The input "${name}" has the shape [${shape.join(', ')}]; pixels have [rows, height, width, 1, 3 or 4].`, {
      field: `inputs.${name}`,
    })
  const each = height * width * channels
  const pixels = values instanceof Uint8Array ? values : Uint8Array.from(values as ArrayLike<number>)
  return Array.from({ length: rows! }, (_, r) =>
    pixelsPng(pixels.subarray(r * each, (r + 1) * each), { height, width, channels }),
  )
}

/** One sound as samples ([rows, samples] at the model's rate) as a WAV file of floats. */
export function audioFile({ shape, values }: Tensor, row: number, sampleRate: number): Uint8Array {
  const samples = shape[1]!
  const file = new DataView(new ArrayBuffer(44 + 4 * samples))
  const word = (at: number, text: string) => [...text].forEach((letter, i) => void file.setUint8(at + i, letter.charCodeAt(0)))
  word(0, 'RIFF')
  file.setUint32(4, 36 + 4 * samples, true)
  word(8, 'WAVEfmt ')
  file.setUint32(16, 16, true)
  // 3: floats. One channel, 4 bytes a sample.
  file.setUint16(20, 3, true)
  file.setUint16(22, 1, true)
  file.setUint32(24, sampleRate, true)
  file.setUint32(28, sampleRate * 4, true)
  file.setUint16(32, 4, true)
  file.setUint16(34, 32, true)
  word(36, 'data')
  file.setUint32(40, 4 * samples, true)
  for (let i = 0; i < samples; i++) file.setFloat32(44 + 4 * i, values[row * samples + i] as number, true)
  return new Uint8Array(file.buffer)
}
