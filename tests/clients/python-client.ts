import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Why the Python clients cannot be asked here; false where they can. */
export const noPythonClients: string | false = process.env.ATOLL_TEST_CLIENTS
  ? false
  : 'the Python clients (python/runtimes/clients.txt) are not installed: run through npm test, which installs them where it can'

/** Runs a Python program of this folder with the clients' packages and none of ours; answers the last line it prints, as JSON. */
export async function runPythonClient(program: string, about: Record<string, string>): Promise<any> {
  const script = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.env.ATOLL_TEST_PYTHON ?? 'python3', ['-B', script], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', PYTHONPATH: process.env.ATOLL_TEST_CLIENTS, ...about },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(120_000),
  })
  let out = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text
  })
  const code = await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject))
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors.slice(-4000)}`)
  return JSON.parse(out.trimEnd().split('\n').at(-1)!)
}
