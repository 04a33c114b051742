import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackTar } from '../sdk/src/cli/unpack-tar.ts'

const packages = join(import.meta.dirname, '..', 'node_modules')

/** Exports an endpoint, starts its server as a process of its own, replays all rows of its proof over HTTP; answers what the replay found. */
export async function provenExport(
  { server, token }: { server: { url: string }; token: string },
  endpoint: string,
): Promise<{ passed: boolean; rows: number; compared: number; flips: number; maxDiff: number }> {
  const reply = await fetch(`${server.url}/v1/endpoints/${endpoint}/export`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(30_000),
  })
  if (!reply.ok) throw new Error(await reply.text())
  const folder = await mkdtemp(join(tmpdir(), 'atoll-exported-'))
  try {
    await unpackTar(new Uint8Array(await reply.arrayBuffer()), folder)
    // What `npm ci` would fetch: the versions are those of our own lock.
    await symlink(packages, join(folder, 'node_modules'))
    const { stdout } = await promisify(execFile)(process.execPath, ['server/standalone/prove.js'], {
      cwd: folder,
      timeout: 60_000,
    })
    return JSON.parse(stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
}
