import type { Readable } from 'node:stream'
import { odd, piecesOf } from './ask.ts'

const longestLine = 2 ** 20
const mostBytes = 64 * 2 ** 20

/** The data of server-sent events, one JSON value each, until [DONE]. */
export async function* eventsOf(body: Readable): AsyncGenerator<any> {
  let held = ''
  let bytes = 0
  const decoder = new TextDecoder()
  for await (const piece of piecesOf(body)) {
    bytes += piece.length
    if (bytes > mostBytes) throw odd('its answer has no end')
    held += decoder.decode(piece, { stream: true })
    for (let end = held.indexOf('\n'); end >= 0; end = held.indexOf('\n')) {
      const line = held.slice(0, end).replace(/\r$/, '')
      held = held.slice(end + 1)
      if (!line.startsWith('data:')) continue
      const data = line.slice('data:'.length).trim()
      if (data === '[DONE]') return
      try {
        yield JSON.parse(data)
      } catch {
        throw odd('an event of its answer is no JSON')
      }
    }
    if (held.length > longestLine) throw odd('a line of its answer has no end')
  }
}
