import type { ServerResponse } from 'node:http'
import { PlatformError } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import { toErrorReply } from './errors.ts'
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
      headers: Record<string, string>,
    ): Promise<void> {
      if (open.size >= maxOpen) return refuse(out, 'unavailable', 'Too many event streams are open here. Try again soon.')
      const own = [...open.values()].filter((owner) => owner === by.userId).length
      if (own >= maxOpenEach)
        return refuse(out, 'rate_limited', `You have ${own} event streams open, which is the most. Close some of them.`)
      open.set(out, by.userId)
      try {
        await writeEvents(out, source, headers)
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

function refuse(out: ServerResponse, code: 'unavailable' | 'rate_limited', message: string): void {
  const { status, headers, body } = toErrorReply(new PlatformError(code, message, { retryAfterSeconds: 5 }), '')
  out
    .writeHead(status, { ...dataHeaders, ...headers, 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(body))
}
