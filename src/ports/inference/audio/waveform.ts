import { resample } from './resample.ts'
import { readWav } from './wav.ts'

/** What a graph's input `audio` takes of a WAV file: mono at `sampleRate`, of exactly `samples` where that is a number. */
export function prepareSound(
  content: Uint8Array,
  { sampleRate, samples }: { sampleRate: number; samples?: number | null },
): Float32Array {
  const sound = readWav(content)
  const heard = resample(sound.samples, sound.rate, sampleRate, samples ?? undefined)
  if (samples == null || heard.length === samples) return heard
  const filled = new Float32Array(samples)
  filled.set(heard)
  return filled
}
