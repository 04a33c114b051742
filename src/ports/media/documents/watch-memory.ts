import { readFile } from 'node:fs/promises'
import { PlatformError } from '../../../kernel/errors.ts'

const everyMs = 100
const pageBytes = 4096

/** Stops a process once it holds more memory than it may: a small file can unpack to any size in its reader. */
export function watchMemory(pid: number, mostBytes: number, stop: (error: Error) => void): () => void {
  const timer = setInterval(async () => {
    const pages = Number((await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '')).split(' ')[1])
    if (pages * pageBytes > mostBytes) stop(new PlatformError('too_large', 'It takes too much memory.'))
  }, everyMs)
  return () => clearInterval(timer)
}
