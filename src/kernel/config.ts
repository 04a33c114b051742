import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { invalidInput } from './errors.ts'
import { readTraceSettings, type TraceSettings } from './trace-settings.ts'

/** Everything the process is told from outside. Read once, at start. */
export interface Config {
  dataDir: string
  host: string
  port: number
  /** Names the server answers to, beside its own address and localhost (Host allow-list). */
  allowedHosts: string[]
  /** The address people use, when it differs from host:port (behind a proxy). */
  publicUrl: string | null
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  trustedProxies: string[]
  tls: { certFile: string; keyFile: string } | null
  /** postgres://… or null for the embedded SQLite file. */
  databaseUrl: string | null
  roles: ('web' | 'worker')[]
  /** Keys that secrets are encrypted with (32 bytes each, the newest first, commas between); null: those of the file. */
  secretKeys: string | null
  /** Made at the first start where no keys are given. */
  secretKeyFile: string
  /** Where locked Python environments are built and shared. */
  runtimesDir: string
  python: string
  /** Concurrent jobs of this worker. */
  jobSlots: number
  /** How long a process with its libraries loaded waits for the next job of its kind; 0: none is kept. */
  warmSeconds: number
  /** Where requests are traced to, in the words of OpenTelemetry's environment; null: nowhere. */
  traces: TraceSettings | null
  logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
}

export function readConfig(env: Record<string, string | undefined>, flags: Partial<Config> = {}): Config {
  const dataDir = resolve(flags.dataDir ?? env.ATOLL_DATA ?? './atoll-data')
  const port = flags.port ?? wholeNumber(env.ATOLL_PORT, 'ATOLL_PORT', 7070)
  if (!(Number.isInteger(port) && port >= 0 && port <= 65535))
    throw invalidInput('The port must be a whole number between 0 and 65535.', { field: 'port' })
  return {
    dataDir,
    port,
    host: flags.host ?? env.ATOLL_HOST ?? '127.0.0.1',
    allowedHosts: flags.allowedHosts ?? list(env.ATOLL_ALLOWED_HOSTS),
    publicUrl: flags.publicUrl ?? env.ATOLL_PUBLIC_URL ?? null,
    trustedProxies: flags.trustedProxies ?? list(env.ATOLL_TRUSTED_PROXIES),
    tls:
      flags.tls ??
      (env.ATOLL_TLS_CERT && env.ATOLL_TLS_KEY ? { certFile: env.ATOLL_TLS_CERT, keyFile: env.ATOLL_TLS_KEY } : null),
    databaseUrl: flags.databaseUrl ?? env.ATOLL_DATABASE_URL ?? null,
    roles: flags.roles ?? (list(env.ATOLL_ROLES).length ? (list(env.ATOLL_ROLES) as Config['roles']) : ['web', 'worker']),
    secretKeys: flags.secretKeys ?? (env.ATOLL_SECRET_KEY || null),
    secretKeyFile: resolve(flags.secretKeyFile ?? env.ATOLL_SECRET_KEY_FILE ?? join(dataDir, 'secret.key')),
    runtimesDir: resolve(
      flags.runtimesDir ?? env.ATOLL_RUNTIMES ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'atoll', 'runtimes'),
    ),
    python: flags.python ?? env.ATOLL_PYTHON ?? 'python3',
    jobSlots: flags.jobSlots ?? wholeNumber(env.ATOLL_JOB_SLOTS, 'ATOLL_JOB_SLOTS', 2),
    warmSeconds: flags.warmSeconds ?? wholeNumber(env.ATOLL_WARM_SECONDS, 'ATOLL_WARM_SECONDS', 180),
    traces: flags.traces === undefined ? readTraceSettings(env) : flags.traces,
    logLevel: flags.logLevel ?? (env.ATOLL_LOG as Config['logLevel'] | undefined) ?? 'warn',
  }
}

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

function wholeNumber(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined || text === '') return otherwise
  const value = Number(text)
  if (!Number.isInteger(value)) throw invalidInput(`${name} must be a whole number, not "${text}".`, { field: name })
  return value
}
