import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { RawBody } from '../../kernel/raw-body.ts'
import type { RouteRecord } from '../../kernel/route.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import type { Caller, HotRoutes, HotTarget } from './hot-routes.ts'
import { type RequestHead, readHead } from './request-head.ts'

/** A request for a hot route: its head, understood. */
interface HotHead extends RequestHead {
  target: HotTarget
  /** Its bytes, with the blank line that ends it. */
  bytes: Buffer
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
    /** The same for all requests of the connection: one at a time is answered. */
    readonly #caller: Caller
    readonly #heads = new Map<string, HotHead>()
    /** The last head of a request that was so long in all: mostly the next one of that length says the same. */
    readonly #headBySize = new Map<number, HotHead>()
    #bytes: Buffer | null = null
    #pieces = 0
    #busy = false
    #hasServed = false
    #hasEnded = false
    #isTaking = false
    #since = Date.now()

    constructor(socket: Socket) {
      this.#socket = socket
      this.#caller = { headers: {}, socket, connection: undefined }
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

    /** Serves the requests at the head of what has come, one after the other, as far as they are whole. */
    #take(): void {
      // An answer that is there at once asks for the next: by this loop, not by a call within a call.
      if (this.#isTaking) return
      this.#isTaking = true
      while (this.#bytes !== null && !this.#busy && this.#takeOne(this.#bytes));
      this.#isTaking = false
      if (this.#hasEnded && !this.#busy && this.#bytes === null && lanes.has(this)) this.#socket.end()
    }

    /** Serves the request at the start; says whether there was one. */
    #takeOne(bytes: Buffer): boolean {
      const head = this.#headBefore(bytes)
      if (head === null) {
        this.#handOver()
        return false
      }
      const start = head.bytes.length
      const end = start + head.contentLength
      if (bytes.length < end) {
        if (head.contentLength > maxBodyBytes || this.#pieces > maxPieces || this.#hasEnded) this.#handOver()
        else if (this.#pieces === 1) this.#since = Date.now()
        return false
      }
      this.#bytes = bytes.length > end ? bytes.subarray(end) : null
      this.#pieces = 0
      this.#busy = true
      this.#serve(head, new RawBody(bytes, start, end))
      return true
    }

    /** The head of the request at the start; null for one that is not hot, or not whole. */
    #headBefore(bytes: Buffer): HotHead | null {
      const likely = this.#headBySize.get(bytes.length)
      if (likely !== undefined && likely.bytes.compare(bytes, 0, likely.bytes.length) === 0) return likely
      const at = bytes.indexOf(headEnd)
      const head = at < 0 || at > maxHeadBytes ? null : this.#headOf(bytes, at)
      if (head !== null && head.bytes.length + head.contentLength === bytes.length) {
        if (this.#headBySize.size >= maxKnownHeads) this.#headBySize.clear()
        this.#headBySize.set(bytes.length, head)
      }
      return head
    }

    /** A client says the same of itself with every request, so what was read once is known. */
    #headOf(bytes: Buffer, at: number): HotHead | null {
      const text = bytes.toString('latin1', 0, at)
      const known = this.#heads.get(text)
      if (known) return known
      const head = readHead(text)
      const target = head && hot.find(head.method, head.url, head.headers)
      if (!head || !target || head.contentLength > target.route.maxBodyBytes) return null
      const found = { ...head, target, bytes: Buffer.from(bytes.subarray(0, at + headEnd.length)) }
      if (this.#heads.size >= maxKnownHeads) this.#heads.clear()
      this.#heads.set(text, found)
      return found
    }

    #serve({ target, headers }: HotHead, raw: RawBody): void {
      const id = hot.newRequestId()
      const { record } = target.route
      let said: string | Promise<string>
      try {
        this.#caller.headers = headers
        said = hot.answer(target, this.#caller, id, () => raw)
      } catch (error) {
        this.#refuse(error, id, record)
        return
      }
      if (typeof said === 'string') this.#reply(said, id, record)
      else
        said.then(
          (text) => this.#reply(text, id, record),
          (error) => this.#refuse(error, id, record),
        )
    }

    #reply(text: string, id: string, { status = 200 }: RouteRecord): void {
      const length = Buffer.byteLength(text)
      this.#send(
        `${replyHead(status, closing)}x-content-type-options: nosniff\r\nx-request-id: ${id}\r\ncontent-length: ${length}\r\n\r\n${text}`,
        // Where a byte is a character, nothing need be translated.
        length === text.length ? 'latin1' : 'utf8',
      )
    }

    #refuse(error: unknown, id: string, record: RouteRecord): void {
      const { status, headers, text } = hot.refusal(error, id, record)
      const { 'content-type': _, ...others } = headers as Record<string, string>
      const lines = Object.entries(others).map(([name, value]) => `${name}: ${value}\r\n`)
      this.#send(`${replyHead(status, closing)}${lines.join('')}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
    }

    #send(reply: string, encoding: 'latin1' | 'utf8' = 'utf8'): void {
      const socket = this.#socket
      this.#hasServed = true
      this.#since = Date.now()
      if (socket.destroyed) return
      if (closing) return void socket.end(reply, encoding)
      if (socket.write(reply, encoding)) this.#next()
      // Whoever does not read gets nothing more, and is not read.
      else socket.once('drain', () => this.#next())
    }

    #next(): void {
      this.#busy = false
      if (this.#socket.isPaused()) this.#socket.resume()
      this.#take()
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
