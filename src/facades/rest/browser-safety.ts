import { isIP } from 'node:net'
import { forbidden } from '../../kernel/errors.ts'

export interface BrowserSafety {
  /** Refuses a Host that is not ours: a name that an attacker pointed at this machine (DNS rebinding). */
  checkHost(host: string | undefined): void
  /** Refuses a state-changing request that another site's page made a browser send. */
  checkOrigin(request: { method: string; host: string; headers: Record<string, string | string[] | undefined> }): void
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Guards against what browsers can be made to do by other sites. The origin rule is that of Go 1.25 (net/http CrossOriginProtection). */
export function browserSafety({
  host,
  allowedHosts,
  publicUrl,
}: {
  host: string
  allowedHosts: readonly string[]
  publicUrl: string | null
}): BrowserSafety {
  const names = new Set(['localhost', host.toLowerCase(), ...allowedHosts.map((name) => hostnameOf(name.toLowerCase()))])
  const trustedOrigins = new Set<string>()
  if (publicUrl) {
    names.add(new URL(publicUrl).hostname)
    trustedOrigins.add(new URL(publicUrl).origin)
  }
  const accepted = new Set<string>()

  function checkHost(value: string | undefined): void {
    if (value !== undefined && accepted.has(value)) return
    const name = hostnameOf(value?.toLowerCase() ?? '')
    // An address cannot be rebound: the browser really asked this machine.
    const isAddress = isIP(name.replace(/^\[|\]$/g, '')) !== 0
    if (!value || !(isAddress || names.has(name) || name.endsWith('.localhost')))
      throw forbidden(
        `This server does not answer to the host name "${name}". Add it with ATOLL_ALLOWED_HOSTS if it is meant to.`,
        {
          host: name,
        },
      )
    if (accepted.size < 1000) accepted.add(value)
  }

  function checkOrigin({ method, host: own, headers }: Parameters<BrowserSafety['checkOrigin']>[0]): void {
    if (safeMethods.has(method)) return
    const site = headers['sec-fetch-site']
    const origin = headers.origin as string | undefined
    if (site === 'same-origin' || site === 'none') return
    if (site === undefined && (origin === undefined || hostOfOrigin(origin) === own.toLowerCase())) return
    if (origin !== undefined && trustedOrigins.has(origin)) return
    throw forbidden('This call was made by a page of another site. It was not carried out.', { origin: origin ?? null })
  }

  return { checkHost, checkOrigin }
}

/** The name in a Host header, without the port. */
const hostnameOf = (host: string): string =>
  host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.replace(/:\d*$/, '')

function hostOfOrigin(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}
