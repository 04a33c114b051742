import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Atoll, AtollError, createAtoll } from '../index.ts'

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

interface Credentials {
  url: string
  token: string
}

const configDir = () => join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'atoll')
const credentialsFile = () => join(configDir(), 'credentials.json')

/** Environment first, then `atoll login`, then a server that this person runs on the data folder at hand. */
export function findCredentials(): Credentials {
  const { ATOLL_URL: url, ATOLL_TOKEN: token } = process.env
  if (url && token) return { url, token }
  const local = resolve(process.env.ATOLL_DATA ?? './atoll-data', 'local.json')
  for (const file of [credentialsFile(), local]) {
    if (!existsSync(file)) continue
    const found = JSON.parse(readFileSync(file, 'utf8')) as Credentials
    return { url: url ?? found.url, token: token ?? found.token }
  }
  throw new UsageError(
    'No server to talk to. Start one with `atoll up`, sign in with `atoll login URL --token TOKEN`, or set ATOLL_URL and ATOLL_TOKEN.',
  )
}

export function saveCredentials(credentials: Credentials): string {
  mkdirSync(configDir(), { recursive: true, mode: 0o700 })
  writeFileSync(credentialsFile(), `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 })
  return credentialsFile()
}

export const connect = (): Atoll => createAtoll(findCredentials())

/** `model:3` → name and version; the latest when no version is said. */
export async function versionOf(atoll: Atoll, ref: string): Promise<{ model: string; version: number }> {
  const [, name, number] = /^(.*?)(?::(\d+))?$/.exec(ref) ?? []
  if (!name) throw new UsageError(`"${ref}" is not a model. Write NAME or NAME:VERSION.`)
  if (number) return { model: name, version: Number(number) }
  const model = await atoll.models.get(name)
  if (!model.latest) throw new UsageError(`The model "${name}" has no version yet.`)
  return { model: name, version: model.latest.number }
}

/** 90, 90s, 2m, 1.5h → seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|h|d)?$/.exec(text.trim())
  if (!match) throw new UsageError(`"${text}" is not a duration. Write 90s, 2m or 1.5h.`)
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[(match[2] ?? 's') as 's' | 'm' | 'h' | 'd']
}

export function parseNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`"${text}" is not a number.`)
  return value
}

/** Null where the server says that there is no such thing. */
export async function unlessAbsent<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    if (error instanceof AtollError && error.code === 'not_found') return null
    throw error
  }
}
