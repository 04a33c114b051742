/** Whole servers as processes of their own, to be killed at any moment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

export interface Server {
  child: ChildProcess
  url: string
  token: string
}

const begin = (dataDir: string, env: Record<string, string>): ChildProcess =>
  spawn(process.execPath, [main, 'up', '--port', '0', '--data', dataDir, '--json'], {
    env: { PATH: process.env.PATH, HOME: dataDir, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** A server that listens. */
export async function start({ dataDir, env = {} }: { dataDir: string; env?: Record<string, string> }): Promise<Server> {
  const child = begin(dataDir, env)
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (piece) => {
      text += String(piece)
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    child.once('exit', () => reject(new Error(`the server ended before it was ready: ${text}`)))
  })
  return { child, ...JSON.parse(line) }
}

/** A process that works and does not listen. */
export const startWorker = ({ dataDir, env }: { dataDir: string; env: Record<string, string> }): { child: ChildProcess } => ({
  child: begin(dataDir, { ...env, ATOLL_ROLES: 'worker' }),
})

export async function kill({ child }: { child: ChildProcess }): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

export async function ask({ url, token }: Server, method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.headers.get('content-type')?.startsWith('application/json') ? response.json() : response.text()
}
