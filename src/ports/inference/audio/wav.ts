import { invalidInput } from '../../../kernel/errors.ts'
import { g711 } from './g711.ts'

// The engines do the same in Python (python/atoll_engines/audio/waveform.py): change both or none.

/** Mono samples (full scale is 1) and how many there are in a second. */
export interface Sound {
  samples: Float64Array
  rate: number
  channels: number
}

export const lowestRate = 1_000
export const highestRate = 384_000
const mostChannels = 64

interface Layout {
  code: number
  channels: number
  rate: number
  bits: number
}

/** Decodes a WAV file (PCM of 8, 16, 24 or 32 bits, float of 32 or 64, G.711) and mixes its channels to one by their mean. */
export function readWav(content: Uint8Array): Sound {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength)
  if (content.length < 12 || textAt(content, 0) !== 'RIFF' || textAt(content, 8) !== 'WAVE')
    throw invalidInput(`It is not a WAV file${whatItIs(content)}. Convert it to WAV.`)
  let layout: Layout | null = null
  let data: { at: number; bytes: number } | null = null
  let at = 12
  while (at + 8 <= content.length && !data) {
    const kind = textAt(content, at)
    const size = view.getUint32(at + 4, true)
    at += 8
    if (kind === 'fmt ') layout = readLayout(view, at, Math.min(size, content.length - at))
    if (kind === 'data') data = { at, bytes: soundBytes(size, content.length - at) }
    at += size + (size % 2)
  }
  if (!layout || !data) throw invalidInput(`It is a WAV file without ${layout ? 'sound' : 'a format'}.`)
  const frames = Math.floor(data.bytes / ((layout.channels * layout.bits) / 8))
  if (frames === 0) throw invalidInput('It holds no sound: its length is zero.')
  return { samples: mix(view, data.at, frames, layout), rate: layout.rate, channels: layout.channels }
}

/** What stands in the place of a length that the writer did not know. */
const isUnknown = (size: number): boolean => size === 0 || size === 0xffffffff

function soundBytes(declared: number, there: number): number {
  if (isUnknown(declared)) return there
  if (declared > there)
    throw invalidInput(`It says that it holds ${declared} bytes of sound, but holds ${there}. It was cut short.`)
  return declared
}

function readLayout(view: DataView, at: number, size: number): Layout {
  if (size < 16) throw invalidInput('It is a WAV file with a broken format.')
  const word = (offset: number) => view.getUint16(at + offset, true)
  // Extensible: the code stands first in the subformat.
  const code = word(0) === 0xfffe && size >= 26 ? word(24) : word(0)
  const layout = { code, channels: word(2), rate: view.getUint32(at + 4, true), bits: word(14) }
  const allowed = formats.get(code)
  if (!allowed)
    throw invalidInput(`It is a WAV file with a compression that is not known here (format ${code}). Convert it to PCM.`)
  if (!allowed.bits.includes(layout.bits))
    throw invalidInput(`It has ${layout.bits} bits a sample; ${allowed.name} takes ${allowed.bits.join(' or ')}.`)
  if (layout.channels < 1 || layout.channels > mostChannels)
    throw invalidInput(`It has ${layout.channels} channels; 1 to ${mostChannels} can be read.`)
  if (layout.rate < lowestRate || layout.rate > highestRate)
    throw invalidInput(`It has ${layout.rate} samples a second; ${lowestRate} to ${highestRate} can be read.`)
  return layout
}

const formats = new Map([
  [1, { name: 'PCM', bits: [8, 16, 24, 32] }],
  [3, { name: 'float', bits: [32, 64] }],
  [6, { name: 'A-law', bits: [8] }],
  [7, { name: 'mu-law', bits: [8] }],
])

function mix(view: DataView, at: number, frames: number, { code, channels, bits }: Layout): Float64Array {
  const read = sampleReader(view, code, bits)
  const step = bits / 8
  const samples = new Float64Array(frames)
  let place = at
  for (let i = 0; i < frames; i++) {
    // Added in the order of the channels: the same rounding as in the engines.
    let sum = read(place)
    for (let channel = 1; channel < channels; channel++) sum += read(place + channel * step)
    place += channels * step
    const value = channels === 1 ? sum : sum / channels
    if (!Number.isFinite(value)) throw invalidInput('It holds samples that are not finite numbers.')
    samples[i] = value
  }
  return samples
}

function sampleReader(view: DataView, code: number, bits: number): (at: number) => number {
  if (code === 3) return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true)
  if (code === 6 || code === 7) {
    const table = g711(code)
    return (at) => table[view.getUint8(at)]!
  }
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128
  if (bits === 16) return (at) => view.getInt16(at, true) / 32768
  if (bits === 24) return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 8388608
  return (at) => view.getInt32(at, true) / 2147483648
}

const textAt = (content: Uint8Array, at: number): string => String.fromCharCode(...content.subarray(at, at + 4))

function whatItIs(content: Uint8Array): string {
  const start = textAt(content, 0)
  if (start === 'fLaC') return ' but FLAC'
  if (start === 'OggS') return ' but Ogg'
  if (start === 'FORM') return ' but AIFF'
  if (start === 'RIFX') return ' but big-endian WAV'
  if (start.startsWith('ID3') || (content[0] === 0xff && (content[1] === 0xfb || content[1] === 0xf3))) return ' but MP3'
  return textAt(content, 4) === 'ftyp' ? ' but an MP4 or M4A' : ''
}
