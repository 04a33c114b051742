import type { ServerResponse } from 'node:http'
import type { Events } from '../../kernel/events.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import { writeEvents } from './events-reply.ts'

const maxOpen = 5000

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
      if (open.size >= maxOpen) {
        out.writeHead(503, { 'retry-after': '5' }).end()
        return
      }
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
