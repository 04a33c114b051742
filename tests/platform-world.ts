import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type Config, readConfig } from '../src/kernel/config.ts'
import type { Role } from '../src/kernel/permissions.ts'
import { openPlatform, type Platform } from '../src/platform.ts'
import { freshPostgresUrl } from '../src/ports/metadata/testing.ts'
import { type RunningServer, startServer } from '../src/start-server.ts'

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The parsed body; undefined where it is not JSON. */
  json: any
}

export interface CallOptions {
  token?: string | null
  body?: unknown
  headers?: Record<string, string>
}

export interface World {
  kind: 'sqlite' | 'postgres'
  platform: Platform
  server: RunningServer
  dataDir: string
  port: number
  /** A platform administrator's token. */
  token: string
  project: { id: string; name: string }
  /** What the server logged, line by line. */
  log: string[]
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
  /** Bytes over a socket of our own, and all that came back: `fetch` would tidy the path and headers first. */
  raw(bytes: string | Uint8Array, options?: { waitMs?: number }): Promise<string>
  /** A person with a role in the first project (or none), and their token. */
  person(name: string, role: Role | null, options?: { scopes?: string[] }): Promise<{ id: string; token: string }>
}

/** Runs a test against the whole platform, served over HTTP, on SQLite and on PostgreSQL. */
export function onEachPlatform(
  name: string,
  work: (world: World, t: TestContext) => Promise<void>,
  overrides: Partial<Config> = {},
): void {
  for (const kind of ['sqlite', 'postgres'] as const)
    test(`${name} (${kind})`, async (t) => {
      const database = kind === 'postgres' ? await freshPostgresUrl() : null
      if (typeof database === 'string') return t.skip(database)
      const world = await openWorld(kind, { ...overrides, databaseUrl: database?.url ?? null })
      try {
        await work(world, t)
      } finally {
        await world.close()
      }
    })
}

/** One platform in a folder of its own, served on a free port. */
export async function openWorld(
  kind: World['kind'],
  overrides: Partial<Config> = {},
  options: { webRoot?: string } = {},
): Promise<World & { close(): Promise<void> }> {
  const dataDir = overrides.dataDir ?? (await mkdtemp(join(tmpdir(), 'atoll-world-')))
  const config = {
    ...readConfig({ ATOLL_RUNTIMES: process.env.ATOLL_RUNTIMES }, { dataDir, port: 0, logLevel: 'info' }),
    ...overrides,
  }
  const log: string[] = []
  const logger = pino({ level: 'info' }, { write: (line) => void log.push(line) })
  const platform = await openPlatform(config, { logger })
  const server = await startServer(platform, options)
  const token = await platform.domains.auth.firstStart.starterToken()
  const call: World['call'] = async (method, path, options = {}) => {
    const bearer = options.token === undefined ? token : options.token
    const response = await fetch(server.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(bearer && { authorization: `Bearer ${bearer}` }),
        ...(options.body !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body !== undefined && { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parsed(text) }
  }
  const project = (await call('GET', '/v1/projects')).json.items[0]
  const port = Number(new URL(server.url).port)
  return {
    kind,
    platform,
    server,
    dataDir,
    port,
    token,
    project,
    log,
    call,
    raw: (bytes, options) => exchange(port, bytes, options?.waitMs ?? 2000),
    async person(name, role, { scopes } = {}) {
      const { json: user } = await call('POST', '/v1/users', { body: { name } })
      if (role) await call('PUT', `/v1/projects/${project.id}/members/${user.id}`, { body: { role } })
      const principal = await platform.domains.auth.users.principal(user.id)
      const made = await platform.domains.auth.tokens.create(principal, {
        name: 'test',
        scopes: (scopes as never) ?? null,
        expiresInDays: 1,
      })
      return { id: user.id, token: made.secret }
    },
    async close() {
      await server.close()
      await platform.close()
      if (!overrides.dataDir) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

function exchange(port: number, bytes: string | Uint8Array, waitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const timer = setTimeout(() => socket.destroy(), waitMs)
    socket.setEncoding('latin1')
    socket.on('data', (piece) => {
      received += piece
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error),
    )
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(received)
    })
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
