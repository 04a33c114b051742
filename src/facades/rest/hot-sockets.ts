import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { minutes, seconds } from '../../kernel/time.ts'
import type { HotRoutes, HotTarget } from './hot-routes.ts'
import { type RequestHead, readHead } from './request-head.ts'

/** A request for a hot route: its head, understood. */
interface HotHead extends RequestHead {
  target: HotTarget
}

const maxHeadBytes = 8 * 1024
/** A larger body, or one in more pieces, is gathered by Node's own server. */
const maxBodyBytes = 256 * 1024
const maxPieces = 32
const maxKnownHeads = 32
const headEnd = Buffer.from('\r\n\r\n')

const firstRequestMs = seconds(15)
const keptOpenMs = seconds(75)
const bodyMs = seconds(2)
const unreadReplyMs = minutes(5)

/**
 * Answers plain requests for hot routes straight from the socket: building a request and a reply object would cost as much as a prediction.
 * The first request that is not plain, not hot or not whole hands its connection, as it came, to Node's own server, which keeps it.
 */
export function hotSockets(server: Server, hot: HotRoutes, { isTls }: { isTls: boolean }) {
  const event = isTls ? 'secureConnection' : 'connection'
  const [serveSocket] = server.listeners(event) as [(socket: Socket) => void]
  const lanes = new Set<Lane>()
  let closing = false

  server.off(event, serveSocket)
  server.on(event, (socket: Socket) => void lanes.add(new Lane(socket)))
  const sweep = setInterval(() => {
    const now = Date.now()
    for (const lane of lanes) lane.check(now)
  }, seconds(1)).unref()
  server.once('close', () => clearInterval(sweep))

  class Lane {
    readonly #socket: Socket
    readonly #heads = new Map<string, HotHead>()
    #bytes: Buffer | null = null
    #pieces = 0
    #busy = false
    #hasServed = false
    #hasEnded = false
    #since = Date.now()

    constructor(socket: Socket) {
      this.#socket = socket
      socket.on('data', this.#onData)
      socket.on('end', this.#onEnd)
      socket.on('error', this.#onError)
      socket.on('close', this.#onClose)
    }

    readonly #onData = (piece: Buffer): void => {
      this.#pieces++
      this.#bytes = this.#bytes === null ? piece : Buffer.concat([this.#bytes, piece])
      if (!this.#busy) this.#take()
      else if (this.#bytes.length > maxBodyBytes || this.#pieces > maxPieces) this.#socket.pause()
    }

    readonly #onEnd = (): void => {
      this.#hasEnded = true
      if (this.#busy) return
      if (this.#bytes === null) this.#socket.end()
      else this.#handOver()
    }

    readonly #onError = (): void => void this.#socket.destroy()

    readonly #onClose = (): void => {
      lanes.delete(this)
      this.#bytes = null
    }

    /** Serves the request at the head of what has come, once it is whole. */
    #take(): void {
      const bytes = this.#bytes as Buffer
      const at = bytes.indexOf(headEnd)
      const head = at < 0 || at > maxHeadBytes ? null : this.#headOf(bytes.toString('latin1', 0, at))
      if (head === null) {
        this.#handOver()
        return
      }
      const start = at + headEnd.length
      const end = start + head.contentLength
      if (bytes.length < end) {
        if (head.contentLength > maxBodyBytes || this.#pieces > maxPieces || this.#hasEnded) this.#handOver()
        else if (this.#pieces === 1) this.#since = Date.now()
        return
      }
      this.#bytes = bytes.length > end ? bytes.subarray(end) : null
      this.#pieces = 0
      this.#busy = true
      void this.#serve(head, bytes.toString('utf8', start, end))
    }

    /** A client says the same of itself with every request, so what was read once is known. */
    #headOf(text: string): HotHead | null {
      const known = this.#heads.get(text)
      if (known) return known
      const head = readHead(text)
      const target = head && hot.find(head.method, head.url, head.headers)
      if (!head || !target || head.contentLength > target.route.maxBodyBytes) return null
      const found = { ...head, target }
      if (this.#heads.size >= maxKnownHeads) this.#heads.clear()
      this.#heads.set(text, found)
      return found
    }

    async #serve({ target, headers }: HotHead, text: string): Promise<void> {
      const id = hot.newRequestId()
      const { record } = target.route
      let reply: string
      try {
        const caller = { headers, socket: this.#socket }
        const answer = await hot.answer(target, caller, id, () => text)
        reply = `${replyHead(record.status ?? 200, closing)}x-content-type-options: nosniff\r\nx-request-id: ${id}\r\ncontent-length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`
      } catch (error) {
        const refused = hot.refusal(error, id, record)
        const { 'content-type': _, ...others } = refused.headers as Record<string, string>
        const lines = Object.entries(others).map(([name, value]) => `${name}: ${value}\r\n`)
        reply = `${replyHead(refused.status, closing)}${lines.join('')}content-length: ${Buffer.byteLength(refused.text)}\r\n\r\n${refused.text}`
      }
      this.#send(reply)
    }

    #send(reply: string): void {
      const socket = this.#socket
      this.#hasServed = true
      this.#since = Date.now()
      if (socket.destroyed) return
      if (closing) return void socket.end(reply)
      if (socket.write(reply)) this.#next()
      // Whoever does not read gets nothing more, and is not read.
      else socket.once('drain', () => this.#next())
    }

    #next(): void {
      this.#busy = false
      if (this.#socket.isPaused()) this.#socket.resume()
      if (this.#bytes !== null) this.#take()
      else if (this.#hasEnded) this.#socket.end()
    }

    #handOver(): void {
      const socket = this.#socket
      const bytes = this.#bytes
      this.#bytes = null
      lanes.delete(this)
      socket.off('data', this.#onData)
      socket.off('end', this.#onEnd)
      socket.off('error', this.#onError)
      socket.off('close', this.#onClose)
      if (bytes !== null) socket.unshift(bytes)
      serveSocket.call(server, socket)
      socket.resume()
    }

    /** Lets go of a connection that has been silent for too long, or that does not finish a body. */
    check(now: number): void {
      const silentMs = now - this.#since
      if (this.#busy) {
        if (this.#socket.writableNeedDrain && silentMs > unreadReplyMs) this.#socket.destroy()
      } else if (this.#bytes !== null) {
        if (silentMs > bodyMs) this.#handOver()
      } else if (silentMs > (this.#hasServed ? keptOpenMs : firstRequestMs)) this.#socket.destroy()
    }

    /** As the server closes: a connection without a request ends now, the others with their reply. */
    end(): void {
      if (this.#busy) return
      if (this.#bytes === null) this.#socket.destroy()
      else this.#handOver()
    }

    destroy(): void {
      this.#socket.destroy()
    }
  }

  return {
    close() {
      closing = true
      for (const lane of lanes) lane.end()
    },
    destroyAll() {
      for (const lane of lanes) lane.destroy()
    },
  }
}

let headsAt = 0
const heads = new Map<number, string>()

/** The first lines of a reply; they change once a second. */
function replyHead(status: number, isLast: boolean): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== headsAt) {
    headsAt = second
    heads.clear()
  }
  const key = isLast ? -status : status
  let head = heads.get(key)
  if (head === undefined) {
    const kept = isLast ? 'connection: close' : `connection: keep-alive\r\nkeep-alive: timeout=${keptOpenMs / 1000}`
    head = `HTTP/1.1 ${status} ${status < 400 ? 'OK' : 'Refused'}\r\ncontent-type: application/json; charset=utf-8\r\ndate: ${new Date(second * 1000).toUTCString()}\r\n${kept}\r\n`
    heads.set(key, head)
  }
  return head
}
