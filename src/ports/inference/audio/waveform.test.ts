import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { resample } from './resample.ts'
import { readWav } from './wav.ts'
import { prepareSound } from './waveform.ts'

interface Heard {
  file: string
  sampleRate: number
  samples: number | null
  heard: string
}
const sounds: Record<string, Heard> = JSON.parse(readFileSync(new URL('../fixtures/media/sounds.json', import.meta.url), 'utf8'))
const pcm = Buffer.from(sounds.pcm16!.file, 'base64')

for (const [name, { file, heard, ...wanted }] of Object.entries(sounds))
  test(`${name}: every sample is what the engines hear`, () => {
    const theirs = Buffer.from(heard, 'base64')
    const ours = prepareSound(Buffer.from(file, 'base64'), wanted)
    assert.equal(ours.length, theirs.length / 4)
    for (const [i, sample] of ours.entries()) assert.ok(Math.abs(sample - theirs.readFloatLE(i * 4)) <= 1e-6, `sample ${i}`)
  })

test('resampling keeps a tone as it is, and drops what the new rate cannot hold', () => {
  const tone = (hertz: number, rate: number) =>
    Float64Array.from({ length: rate / 4 }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate))
  const low = resample(tone(440, 44100), 44100, 16000)
  assert.equal(low.length, 4000)
  tone(440, 16000).forEach((sample, i) => {
    if (i > 200 && i < 3800) assert.ok(Math.abs(low[i]! - sample) < 1e-6, `sample ${i}`)
  })
  assert.ok(
    resample(tone(9000, 44100), 44100, 16000)
      .slice(200, -200)
      .every((sample) => Math.abs(sample) < 1e-5),
  )
})

test('a small file of a very long sound is refused before it is resampled, unless only its start is wanted', () => {
  const head = Buffer.from(pcm.subarray(0, pcm.indexOf('data') + 8))
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(1000, 24)
  head.writeUInt16LE(8, 34)
  head.writeUInt32LE(2_000_000, head.length - 4)
  const long = Buffer.concat([head, Buffer.alloc(2_000_000, 128)])
  assert.throws(() => prepareSound(long, { sampleRate: 16_000 }), /It lasts 2000 s; at most 1800 s are taken/)
  assert.equal(prepareSound(long, { sampleRate: 16_000, samples: 16_000 }).length, 16_000)
})

test('what is not a whole WAV file is refused with the reason', () => {
  const changed = (at: number, value: number, bytes: 2 | 4) => {
    const copy = Buffer.from(pcm)
    if (bytes === 2) copy.writeUInt16LE(value, at)
    else copy.writeUInt32LE(value, at)
    return copy
  }
  const dataSize = pcm.indexOf('data') + 4
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /not a WAV file/],
    [Buffer.from('fLaC and so on, for long enough'), /not a WAV file but FLAC/],
    [Buffer.from('ID3 and so on, for long enough'), /not a WAV file but MP3/],
    [pcm.subarray(0, 20), /without a format|broken/],
    [pcm.subarray(0, 40), /without sound/],
    [pcm.subarray(0, -7), /says that it holds 2000 bytes of sound, but holds 1993/],
    [changed(dataSize, 1_000_000_000, 4), /says that it holds 1000000000 bytes of sound, but holds 2000\. It was cut short/],
    [changed(dataSize, 0, 4).subarray(0, dataSize + 4), /length is zero/],
    [changed(dataSize, 2, 4), /length is zero/],
    [changed(24, 0, 4), /0 samples a second; 1000 to 384000/],
    [changed(24, 4_000_000_000, 4), /4000000000 samples a second/],
    [changed(22, 0, 2), /0 channels/],
    [changed(22, 65535, 2), /65535 channels/],
    [changed(34, 12, 2), /12 bits a sample; PCM takes 8 or 16 or 24 or 32/],
    [changed(20, 85, 2), /compression that is not known here \(format 85\)/],
  ]
  for (const [content, reason] of cases) assert.throws(() => readWav(content), { code: 'invalid_input', message: reason })
  const float = Buffer.from(sounds.float32!.file, 'base64')
  float.writeFloatLE(Number.NaN, float.indexOf('data') + 8 + 40)
  assert.throws(() => readWav(float), { code: 'invalid_input', message: /not finite numbers/ })
})
