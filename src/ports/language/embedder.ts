import { minutes } from '../../kernel/time.ts'
import { type HostNeeds, openHost } from './host.ts'
import type { LanguageModelFile, TextEmbedder } from './language.ts'

const embedMs = minutes(5)

/** A model that makes vectors of texts. */
export async function loadEmbedder(needs: HostNeeds, wanted: LanguageModelFile): Promise<TextEmbedder> {
  const host = await openHost(needs, wanted, 'embed')
  const { contextLength, memoryBytes, threads, header, close } = host
  return {
    contextLength,
    width: header.width,
    memoryBytes,
    threads,
    embed: (texts, { signal } = {}) =>
      host.inTurn(async (living) => {
        const ended = signal ? AbortSignal.any([signal, host.closing]) : host.closing
        return (await living()).embed(texts, { deadlineMs: embedMs, signal: ended })
      }),
    close,
  }
}
