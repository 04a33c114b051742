import { lookup } from 'node:dns/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import { seconds } from '../../kernel/time.ts'
import type { Outbound } from './outbound.ts'
import { reachOf } from './public-address.ts'

interface Options {
  /** Hosts that may be reached, as an administrator wrote them: `hooks.example.org`, `hooks.example.org:8443`. Empty: none. */
  allowedHosts: () => Promise<readonly string[]>
  /** Hosts that whoever starts the server named: these may lie on this machine, once an administrator has allowed them too. */
  operatorHosts?: readonly string[]
  /** What calls carry of the trace that they belong to. */
  traceparent?: () => string | undefined
  /** All addresses of a name; the system's resolver unless told. */
  resolve?: (hostname: string) => Promise<{ address: string }[]>
  /** Where a tested address is really reached. For tests, which have no public network. */
  dial?: (address: string, port: number) => { host: string; port: number }
}

type Init = Parameters<Outbound['fetchOut']>[1]

const maxRedirects = 3
const maxReplyBytes = 1 << 20

/** HTTP to the outside. A name is resolved once, every address is tested, and the connection goes to a tested address: a second look-up cannot differ. */
export function openOutbound({
  allowedHosts,
  operatorHosts = [],
  traceparent = () => undefined,
  resolve = resolveAll,
  dial = (host, port) => ({ host, port }),
}: Options): Outbound {
  const traced = () => {
    const parent = traceparent()
    return parent === undefined ? {} : { traceparent: parent }
  }

  /** Follows redirects, each tested like the first, to a reply whose body is still to be read. */
  async function reach(url: string, init: Init, deadline: AbortSignal): Promise<{ target: URL; reply: IncomingMessage }> {
    let target = parse(url)
    let current = init
    for (let hops = 0; ; hops++) {
      const address = await test(target)
      const reply = await send(target, address, current, deadline)
      const status = reply.statusCode ?? 0
      const location = status >= 300 && status < 400 ? reply.headers.location : undefined
      if (location === undefined) return { target, reply }
      reply.destroy()
      if (hops === maxRedirects) throw refuse(target, `it redirects more than ${maxRedirects} times`)
      const next = parse(new URL(location, target).href)
      current = afterRedirect(current, status, next.origin === target.origin)
      target = next
    }
  }

  async function fetchOut(url: string, init: Init): Promise<{ status: number; body: string }> {
    const deadline = AbortSignal.timeout(init.timeoutMs ?? seconds(10))
    const { target, reply } = await reach(url, init, deadline)
    const pieces: Buffer[] = []
    let bytes = 0
    try {
      for await (const piece of reply as AsyncIterable<Buffer>) {
        bytes += piece.length
        if (bytes > maxReplyBytes)
          throw new PlatformError('too_large', `The reply of ${target.host} is larger than ${maxReplyBytes} bytes.`, {
            host: target.host,
          })
        pieces.push(piece)
      }
    } catch (error) {
      if (error instanceof PlatformError) throw error
      throw deadline.aborted ? timedOut(target) : unreachable(target, error)
    }
    return { status: reply.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }
  }

  async function downloadOut(url: string, { signal, headers, method = 'GET', body }: Parameters<Outbound['downloadOut']>[1]) {
    const { target, reply } = await reach(url, { method, headers, body }, signal)
    // A server that says nothing for so long is not going to.
    reply.setTimeout(seconds(60), () => reply.destroy(timedOut(target)))
    return { status: reply.statusCode ?? 0, headers: reply.headers as Record<string, string | undefined>, body: reply }
  }

  async function requireAllowed(url: string): Promise<void> {
    await listed(parse(url))
  }

  /** The address to connect to, after the host and every one of its addresses have been found harmless. */
  async function test(target: URL): Promise<string> {
    const name = await listed(target)
    const literal = name.replace(/^\[|\]$/g, '')
    const addresses = isIP(literal)
      ? [{ address: literal }]
      : await resolve(name).catch((error) => Promise.reject(unreachable(target, error)))
    if (addresses.length === 0) throw unreachable(target)
    for (const { address } of addresses) {
      const reach = reachOf(address)
      // A local network only where the administrator wrote the very address: a name could be pointed there by somebody else.
      if (operatorHosts.includes(target.host)) continue
      if (reach === 'public' || (reach === 'private' && isIP(literal))) continue
      throw refuse(target, 'it leads to this machine or a local network')
    }
    return addresses[0]!.address
  }

  /** The name of a host that an administrator has allowed. */
  async function listed(target: URL): Promise<string> {
    const allowed = await allowedHosts()
    if (allowed.length === 0)
      throw preconditionFailed('Outbound calls are off. A platform administrator can allow hosts in the settings.', {
        host: target.host,
      })
    const name = target.hostname.replace(/\.$/, '')
    const port = portOf(target)
    if (!allowed.some((entry) => entry === target.host || entry === `${name}:${port}` || (entry === name && isUsualPort(target))))
      throw refuse(target, 'it is not among the hosts that an administrator has allowed')
    return name
  }

  function send(target: URL, address: string, init: Init, deadline: AbortSignal): Promise<IncomingMessage> {
    const place = dial(address, portOf(target))
    const isHttps = target.protocol === 'https:'
    return new Promise((done, reject) => {
      const request = (isHttps ? httpsRequest : httpRequest)(
        {
          method: init.method,
          host: place.host,
          port: place.port,
          path: target.pathname + target.search,
          headers: { 'user-agent': 'atoll', accept: '*/*', ...traced(), ...init.headers, host: target.host, connection: 'close' },
          ...(isHttps && !isIP(target.hostname.replace(/^\[|\]$/g, '')) && { servername: target.hostname }),
          agent: false,
          signal: deadline,
        },
        done,
      )
      request.on('error', (error) => reject(deadline.aborted ? timedOut(target) : unreachable(target, error)))
      request.end(init.body)
    })
  }

  return { fetchOut, downloadOut, requireAllowed }
}

const resolveAll = (hostname: string) => lookup(hostname, { all: true })

/** Only plain http and https addresses, written unambiguously. */
function parse(text: string): URL {
  if (/[\s\\\p{C}]/u.test(text) || !URL.canParse(text))
    throw preconditionFailed('The address is not a plain URL.', { url: text.slice(0, 200) })
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw preconditionFailed(`Only http and https may be called, not ${url.protocol}`, { url: text.slice(0, 200) })
  if (url.username || url.password)
    throw preconditionFailed('The address may not hold a user name or password.', { host: url.host })
  return url
}

/** As browsers do: 303, and 301 and 302 after POST, become GET; secrets do not follow to another place. */
function afterRedirect(init: Init, status: number, isSameOrigin: boolean): Init {
  const keepsMethod = status === 307 || status === 308
  const headers = isSameOrigin ? init.headers : undefined
  return keepsMethod ? { ...init, headers } : { method: 'GET', headers, timeoutMs: init.timeoutMs }
}

const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80))
const isUsualPort = (url: URL): boolean => url.port === ''

const refuse = (target: URL, why: string) => preconditionFailed(`${target.host} is not called: ${why}.`, { host: target.host })
const timedOut = (target: URL) => new PlatformError('timeout', `${target.host} did not answer in time.`, { host: target.host })
const unreachable = (target: URL, cause?: unknown) =>
  new PlatformError('unavailable', `${target.host} cannot be reached.`, { host: target.host }, { cause })
