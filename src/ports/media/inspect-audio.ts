import { parseBuffer, parseFile } from 'music-metadata'
import type { AudioFacts } from './media.ts'

/** Reads the header of a recording, and its length where the header does not tell. */
export async function inspectAudio(source: string | Buffer, contentType: string): Promise<AudioFacts | { problem: string }> {
  if (source.length === 0) return { problem: 'has no bytes' }
  try {
    const options = { duration: true, skipCovers: true, skipPostHeaders: true }
    const { format } =
      typeof source === 'string'
        ? await parseFile(source, options)
        : await parseBuffer(source, { mimeType: contentType }, options)
    const { sampleRate, numberOfChannels, duration, codec } = format
    if (/\b(AAC|ALAC|MP4)\b|mp4a/i.test(`${codec} ${contentType}`))
      return { problem: 'is AAC or ALAC (M4A), which is not read: save it as WAV, FLAC, MP3 or Ogg' }
    if (!sampleRate || !numberOfChannels) return { problem: 'is damaged: its header names no sample rate or no channels' }
    if (!duration || !Number.isFinite(duration)) return { problem: 'holds no sound: its length is zero' }
    if (sampleRate < 1000 || sampleRate > 768_000)
      return { problem: `has a sample rate of ${sampleRate} Hz, which cannot be right` }
    return { seconds: Math.round(duration * 1e4) / 1e4, sampleRate, channels: numberOfChannels, codec: codec ?? '' }
  } catch (error) {
    return { problem: `is damaged: ${(error as Error).message.split('\n')[0]!.slice(0, 120)}` }
  }
}
