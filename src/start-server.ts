import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { restServer } from './facades/rest/server.ts'
import type { Config } from './kernel/config.ts'
import { preconditionFailed } from './kernel/errors.ts'
import { type Platform, version } from './platform.ts'

export interface RunningServer {
  /** Where it listens, for people and programs on this machine. */
  url: string
  /** One-time address that signs the first administrator in; null once one has signed in. */
  signInUrl: string | null
  close(): Promise<void>
}

const builtPage = join(import.meta.dirname, '..', 'web', 'dist')

/** Serves a platform over HTTP: first start, the checks of where it may listen, then the listening itself. */
export async function startServer(platform: Platform, { webRoot = builtPage } = {}): Promise<RunningServer> {
  const { config, domains, routes, events, logger } = platform
  const { firstStart } = domains.auth
  const { created } = await firstStart.ensure(nameOfStarter())
  await refuseOpenDoor(config, firstStart)
  const tls = config.tls
    ? { cert: await readFile(config.tls.certFile, 'utf8'), key: await readFile(config.tls.keyFile, 'utf8') }
    : null
  const app = await restServer({
    config,
    routes,
    auth: domains.auth,
    events,
    logger,
    version,
    traces: platform.traces,
    tls,
    webRoot: existsSync(join(webRoot, 'index.html')) ? webRoot : null,
  })
  await app.listen({ host: config.host, port: config.port }).catch((error) => refuseAddress(config, error))
  const url = config.publicUrl ?? addressOf(config, app.server.address())
  const linkFile = join(config.dataDir, 'sign-in-link.txt')
  const link = await firstStart.link()
  const signInUrl = link && `${url}/sign-in#link=${link.secret}`
  await rm(linkFile, { force: true })
  if (signInUrl) await writeFile(linkFile, `${signInUrl}\n`, { mode: 0o600, flag: 'wx' })
  if (created) logger.info('first start: an administrator and a project were made')
  return { url, signInUrl, close: () => app.close() }
}

/** Beyond this machine only with encryption (or a proxy that does it), and only once somebody is in charge. */
async function refuseOpenDoor(config: Config, firstStart: { anAdminHasSignedIn(): Promise<boolean> }): Promise<void> {
  if (isLoopback(config.host)) return
  if (!config.tls && config.trustedProxies.length === 0)
    throw preconditionFailed(
      `Refusing to listen on ${config.host} without TLS: set ATOLL_TLS_CERT and ATOLL_TLS_KEY, or name the proxy that does TLS in ATOLL_TRUSTED_PROXIES.`,
      { field: 'host' },
    )
  if (!(await firstStart.anAdminHasSignedIn()))
    throw preconditionFailed(
      `Refusing to listen on ${config.host} before an administrator has signed in: start once on 127.0.0.1 and use the sign-in link.`,
      { field: 'host' },
    )
}

function refuseAddress({ host, port }: Config, error: NodeJS.ErrnoException): never {
  const why = {
    EADDRINUSE: `Port ${port} on ${host} is taken by another program, perhaps by another Atoll: stop it, or choose another port with --port.`,
    EACCES: `Port ${port} may not be opened by this user: choose one above 1023 with --port.`,
    EADDRNOTAVAIL: `This machine has no address ${host}: choose another with --host.`,
    ENOTFOUND: `This machine has no address ${host}: choose another with --host.`,
  }[error.code ?? '']
  throw why ? preconditionFailed(why, { field: error.code === 'EADDRINUSE' || error.code === 'EACCES' ? 'port' : 'host' }) : error
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

function addressOf(config: Config, address: ReturnType<import('node:net').Server['address']>): string {
  const port = typeof address === 'object' && address ? address.port : config.port
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host
  return `${config.tls ? 'https' : 'http'}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function nameOfStarter(): string {
  try {
    const { username } = userInfo()
    return username === 'root' ? 'Administrator' : username
  } catch {
    return 'Administrator'
  }
}
