import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const root = join(import.meta.dirname, '..', '..')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server as a process of its own, to be killed and started again at the same address. */
export async function serverProcess({ dataDir, token, env = {} }: { dataDir: string; token: string; env?: NodeJS.ProcessEnv }) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | null = null

  async function call(method: string, path: string, { body }: { body?: unknown } = {}) {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: JSON.parse(text || 'null') }
  }

  return {
    call,
    async start(): Promise<void> {
      child = spawn(process.execPath, [join(root, 'src', 'main.ts'), 'up', '--port', String(port), '--data', dataDir], {
        stdio: 'ignore',
        env: { ...process.env, ...env },
      })
      const isReady = () =>
        call('GET', '/v1/ready').then(
          ({ status }) => status < 300,
          () => false,
        )
      for (const end = Date.now() + 180_000; Date.now() < end; await sleep(100)) if (await isReady()) return
      assert.fail('the server does not come up')
    },
    /** At once and without a word. */
    async kill(): Promise<void> {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const dead = new Promise((resolve) => child!.once('exit', resolve))
      child.kill('SIGKILL')
      await dead
    },
  }
}
