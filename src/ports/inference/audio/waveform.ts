import { invalidInput } from '../../../kernel/errors.ts'
import { resample } from './resample.ts'
import { readWav } from './wav.ts'

/** At 16,000 a second half an hour: what a small file of a low rate becomes must fit into memory. */
const mostSamples = 28_800_000

/** What a graph's input `audio` takes of a WAV file: mono at `sampleRate`, of exactly `samples` where that is a number. */
export function prepareSound(
  content: Uint8Array,
  { sampleRate, samples }: { sampleRate: number; samples?: number | null },
): Float32Array {
  const sound = readWav(content)
  if (samples == null && (sound.samples.length / sound.rate) * sampleRate > mostSamples)
    throw invalidInput(
      `It lasts ${Math.round(sound.samples.length / sound.rate)} s; at most ${Math.floor(mostSamples / sampleRate)} s are taken. Send it in pieces.`,
    )
  const heard = resample(sound.samples, sound.rate, sampleRate, samples ?? undefined)
  if (samples == null || heard.length === samples) return heard
  const filled = new Float32Array(samples)
  filled.set(heard)
  return filled
}
