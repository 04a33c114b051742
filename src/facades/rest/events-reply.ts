import type { ServerResponse } from 'node:http'
import type { ServerEvent } from '../../kernel/route.ts'
import { seconds } from '../../kernel/time.ts'

const heartbeatMs = seconds(15)

/**
 * Writes server-sent events until the source ends or the reader leaves. A reader that is slow makes the source wait, not the memory grow.
 * With `lastData` they are data without names, and it ends them.
 */
export async function writeEvents(
  out: ServerResponse,
  source: AsyncIterable<ServerEvent>,
  { headers, lastData }: { headers: Record<string, string>; lastData?: string },
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
  const orLeft = untilClosed(out)
  try {
    for (;;) {
      const next = await orLeft(iterator.next())
      if (next === 'left') break
      // Said in so many words, because a closed connection alone tells a reader to come back.
      if (next.done) {
        out.write(lastData === undefined ? 'event: end\ndata: {}\n\n' : `data: ${lastData}\n\n`)
        break
      }
      const text = lastData === undefined ? toText(next.value) : `data: ${JSON.stringify(next.value.data)}\n\n`
      if (!out.write(text)) await orLeft(new Promise((resolve) => out.once('drain', resolve)))
    }
  } finally {
    clearInterval(heartbeat)
    // Not awaited: a source that waits for its next event would never come back to be ended.
    iterator.return?.(undefined)?.then(undefined, () => {})
    out.end()
  }
}

/** Waits for a promise, but not beyond the end of the connection. (Promise.race would keep a reaction for every event until that end.) */
function untilClosed(out: ServerResponse): <T>(wait: Promise<T>) => Promise<T | 'left'> {
  let isClosed = out.destroyed
  let leave = () => {}
  out.once('close', () => {
    isClosed = true
    leave()
  })
  return (wait) =>
    new Promise((resolve, reject) => {
      leave = () => resolve('left')
      if (isClosed) return leave()
      wait.then(resolve, reject)
    })
}

function toText({ id, event, data }: ServerEvent): string {
  const oneLine = (text: string) => text.replace(/[\r\n\0]/g, ' ')
  return `${id === undefined ? '' : `id: ${oneLine(id)}\n`}event: ${oneLine(event)}\ndata: ${JSON.stringify(data)}\n\n`
}
