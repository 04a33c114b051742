import type { ServerResponse } from 'node:http'
import type { ServerEvent } from '../../kernel/route.ts'
import { seconds } from '../../kernel/time.ts'

const heartbeatMs = seconds(15)

/** Writes server-sent events until the source ends or the reader leaves. A reader that is slow makes the source wait, not the memory grow. */
export async function writeEvents(
  out: ServerResponse,
  source: AsyncIterable<ServerEvent>,
  headers: Record<string, string>,
): Promise<void> {
  out.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  out.flushHeaders()
  const iterator = source[Symbol.asyncIterator]()
  const heartbeat = setInterval(() => out.write(': still here\n\n'), heartbeatMs)
  const left = new Promise<'left'>((resolve) => out.once('close', () => resolve('left')))
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), left])
      if (next === 'left') break
      // Said in so many words, because a closed connection alone tells a reader to come back.
      if (next.done) {
        out.write('event: end\ndata: {}\n\n')
        break
      }
      if (!out.write(toText(next.value))) await Promise.race([new Promise((resolve) => out.once('drain', resolve)), left])
    }
  } finally {
    clearInterval(heartbeat)
    // Not awaited: a source that waits for its next event would never come back to be ended.
    iterator.return?.(undefined)?.then(undefined, () => {})
    out.end()
  }
}

function toText({ id, event, data }: ServerEvent): string {
  const oneLine = (text: string) => text.replace(/[\r\n\0]/g, ' ')
  return `${id === undefined ? '' : `id: ${oneLine(id)}\n`}event: ${oneLine(event)}\ndata: ${JSON.stringify(data)}\n\n`
}
