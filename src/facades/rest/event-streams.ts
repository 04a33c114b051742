import type { ServerResponse } from 'node:http'
import { PlatformError } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Protocol, ServerEvent } from '../../kernel/route.ts'
import { inProtocol, toErrorReply } from './errors.ts'
import { writeEvents } from './events-reply.ts'
import { dataHeaders } from './headers.ts'

const maxOpen = 5000
/** Of one person, over all their pages and scripts. */
const maxOpenEach = 200

export type EventStreams = ReturnType<typeof eventStreams>

/** The open event streams of this server: bounded in number, ended when their reader's credentials are. */
export function eventStreams({ events, onError }: { events: Events; onError: (error: unknown) => void }) {
  const open = new Map<ServerResponse, string | null>()
  events.on('credential.revoked', ({ userId }) => {
    for (const [out, owner] of open) if (owner === userId) out.destroy()
  })

  return {
    async serve(
      out: ServerResponse,
      source: AsyncIterable<ServerEvent>,
      by: Principal,
      { headers, protocol }: { headers: Record<string, string>; protocol?: Protocol },
    ): Promise<void> {
      const refuse = (code: 'unavailable' | 'rate_limited', message: string) => {
        // A source that was never read is told so, or it would wait for its reader.
        void source[Symbol.asyncIterator]().return?.(undefined)
        refuseStream(out, new PlatformError(code, message, { retryAfterSeconds: 5 }), protocol)
      }
      if (open.size >= maxOpen) return refuse('unavailable', 'Too many event streams are open here. Try again soon.')
      const own = [...open.values()].filter((owner) => owner === by.userId).length
      if (own >= maxOpenEach)
        return refuse('rate_limited', `You have ${own} event streams open, which is the most. Close some of them.`)
      open.set(out, by.userId)
      try {
        await writeEvents(out, source, { headers, lastData: protocol?.lastEvent })
      } catch (error) {
        onError(error)
      } finally {
        open.delete(out)
      }
    },
    closeAll() {
      for (const out of open.keys()) out.end()
    },
  }
}

function refuseStream(out: ServerResponse, error: PlatformError, protocol: Protocol | undefined): void {
  const { status, headers, body } = inProtocol(toErrorReply(error, ''), protocol)
  out
    .writeHead(status, { ...dataHeaders, ...headers, 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(body))
}
