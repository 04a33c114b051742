import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessRequest } from './executor.ts'

/** An empty file costs an entry too. */
const leastBytes = 4096
const blockBytes = 512

/** Space on disk that a job's files take: its folder and what it may write of its mounts, without what it was only given to read. Stops counting beyond `most`. */
export async function writtenBytes(
  { folder, mounts = [] }: Pick<ProcessRequest, 'folder' | 'mounts'>,
  most: number,
): Promise<number> {
  const given = new Set(mounts.filter(({ writable }) => !writable).map(({ path }) => path))
  const pending = [folder, ...mounts.filter(({ writable }) => writable).map(({ path }) => path)]
  let bytes = 0
  for (let path = pending.pop(); path !== undefined && bytes <= most; path = pending.pop()) {
    // What the job removes meanwhile takes no space.
    const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const inside = join(path, entry.name)
      if (given.has(inside)) continue
      if (entry.isDirectory()) pending.push(inside)
      const facts = await lstat(inside).catch(() => null)
      bytes += facts ? Math.max(leastBytes, facts.blocks * blockBytes) : 0
      if (bytes > most) break
    }
  }
  return bytes
}
