import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Aborted when the caller of a request hangs up before its answer is whole. */
export function hangUpOf(reply: ServerResponse): AbortSignal {
  const controller = new AbortController()
  // The reply's own event: a connection outlives many requests.
  if (reply.destroyed) controller.abort()
  else reply.once('close', () => reply.writableFinished || controller.abort())
  return controller.signal
}

/** The same for one of many requests of a connection: `signal` listens where it is asked for, `done` stops listening. */
export function hangUpOfSocket(socket: Socket): { signal(): AbortSignal; done(): void } {
  let stop: (() => void) | null = null
  return {
    signal() {
      const controller = new AbortController()
      if (socket.destroyed) controller.abort()
      stop = () => controller.abort()
      socket.once('close', stop)
      return controller.signal
    },
    done() {
      if (stop) socket.off('close', stop)
    },
  }
}
