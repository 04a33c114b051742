import { mkdirSync } from 'node:fs'
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { resolvePath } from '../files/resolve-path.ts'
import type { AppendLog, AppendLogs, BytesOfLine, LogPosition, LogSegment } from './append-log.ts'

const flushEveryMs = 200
const blockBytes = 128 * 1024
const maxWaitingBytes = 32 * 1024 * 1024
const defaultBounds: LogBounds = { segmentBytes: 64 * 2 ** 20, keepBytes: 4 * 2 ** 30 }
const readBackBytes = 256 * 1024
const dayMs = 86_400_000
const newLine = 10

export interface LogBounds {
  /** A file that grew beyond this is followed by a new one. */
  segmentBytes: number
  /** What all files of a log may take together; the oldest go first. */
  keepBytes: number
}

/** Append-only logs on this machine's disk. `onError` hears of a disk that refuses; the lines of that write are lost. */
export function localAppendLogs(root: string, onError: (error: unknown) => void, bounds: Partial<LogBounds> = {}): AppendLogs {
  const { segmentBytes, keepBytes } = { ...defaultBounds, ...bounds }
  const folder = (name: string) => resolvePath(root, name)

  async function segments(name: string): Promise<LogSegment[]> {
    const names = await readdir(folder(name)).catch(() => [])
    const found = await Promise.all(
      names
        .filter((file) => segmentName.test(file))
        .map(async (file) => {
          const path = join(folder(name), file)
          const facts = await stat(path).catch(() => null)
          return (
            facts && { name: file, path, fromMs: Number(segmentName.exec(file)![1]), toMs: facts.mtimeMs, sizeBytes: facts.size }
          )
        }),
    )
    return found.filter((segment) => segment !== null).sort((a, b) => a.fromMs - b.fromMs || (a.name < b.name ? -1 : 1))
  }

  /** Makes room for the segment that begins. */
  async function trim(name: string): Promise<void> {
    let total = segmentBytes
    for (const segment of (await segments(name)).reverse()) {
      total += segment.sizeBytes
      if (total > keepBytes) await rm(segment.path, { force: true })
    }
  }

  return {
    open: (name) => appendLog(folder(name), { onError, segmentBytes, trim: () => trim(name) }),
    folder,
    segments,
    async readBack(name, most, before) {
      const lines: { text: string; at: LogPosition }[] = []
      const all = (await segments(name)).reverse()
      const start = before ? all.findIndex((segment) => segment.name === before.segment) : 0
      if (start < 0) return { lines, next: null }
      for (let s = start; s < all.length; s++) {
        const segment = all[s]!
        const end = s === start && before ? before.end : segment.sizeBytes
        for await (const line of linesBackwards(segment.path, end)) {
          lines.push({ text: line.text, at: { segment: segment.name, end: line.start } })
          if (lines.length < most) continue
          const isLast = line.start === 0 && s === all.length - 1
          return { lines, next: isLast ? null : { segment: segment.name, end: line.start } }
        }
      }
      return { lines, next: null }
    },
    async prune(name, beforeMs) {
      const all = await segments(name)
      for (const segment of all) {
        const facts = await stat(segment.path).catch(() => null)
        if (facts && facts.mtimeMs < beforeMs) await rm(segment.path, { force: true })
      }
    },
    remove: (name) => rm(folder(name), { recursive: true, force: true }),
  }
}

let segmentsMade = 0

const segmentName = /^(\d{13})-[0-9]+-[0-9]+\.jsonl$/

function appendLog(
  folder: string,
  { onError, segmentBytes, trim }: { onError(error: unknown): void; segmentBytes: number; trim(): Promise<void> },
): AppendLog {
  // Lines are encoded straight into the block that goes to the disk.
  let block: Buffer = Buffer.allocUnsafe(blockBytes)
  let used = 0
  let spare: Buffer | null = null
  let full: Buffer[] = []
  let fullBytes = 0
  let timer: NodeJS.Timeout | null = null
  let isClosed = false
  let writing: Promise<void> | null = null
  let segment: { file: FileHandle; bytes: number; day: number } | null = null

  function append(...parts: (string | BytesOfLine)[]): boolean {
    if (isClosed || fullBytes > maxWaitingBytes) return false
    let most = 1
    for (const part of parts) most += typeof part === 'string' ? 3 * part.length : part.end - part.start
    if (used + most > block.length) {
      endBlock(most)
      void write()
    }
    for (const part of parts)
      used += typeof part === 'string' ? block.write(part, used, 'utf8') : part.bytes.copy(block, used, part.start, part.end)
    block[used++] = newLine
    timer ??= setTimeout(write, flushEveryMs).unref()
    return true
  }

  function endBlock(next: number): void {
    if (used > 0) {
      full.push(block.subarray(0, used))
      fullBytes += used
      block = spare ?? Buffer.allocUnsafe(blockBytes)
      spare = null
      used = 0
    }
    if (block.length < next) block = Buffer.allocUnsafe(next)
  }

  function write(): Promise<void> {
    if (timer) clearTimeout(timer)
    timer = null
    writing ??= drain().finally(() => {
      writing = null
    })
    return writing
  }

  async function drain(): Promise<void> {
    for (endBlock(0); full.length > 0; endBlock(0)) {
      const blocks = full
      full = []
      try {
        const { file } = await currentSegment()
        for (const bytes of blocks) {
          await file.write(bytes)
          segment!.bytes += bytes.length
        }
      } catch (error) {
        onError(error)
      }
      for (const bytes of blocks) fullBytes -= bytes.length
      const [first] = blocks
      if (first && first.buffer.byteLength === blockBytes) spare = Buffer.from(first.buffer)
    }
  }

  async function currentSegment() {
    const now = Date.now()
    const day = Math.floor(now / dayMs)
    if (segment && (segment.day !== day || segment.bytes > segmentBytes)) await endSegment()
    if (!segment) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      await trim()
      const name = `${String(now).padStart(13, '0')}-${process.pid}-${segmentsMade++}.jsonl`
      segment = { file: await open(join(folder, name), 'ax', 0o600), bytes: 0, day }
    }
    return segment
  }

  async function endSegment(): Promise<void> {
    const ended = segment
    segment = null
    await ended?.file.close()
  }

  async function flush(): Promise<void> {
    while (used > 0 || full.length > 0 || writing) await write()
  }

  return {
    append,
    flush,
    async close() {
      // A line that came later would open a file that nobody closes.
      isClosed = true
      await flush()
      await endSegment()
    },
  }
}

/** Whole lines of a file before a byte, last first, with the byte where each begins. */
async function* linesBackwards(path: string, end: number): AsyncGenerator<{ text: string; start: number }> {
  const file = await open(path, 'r').catch(() => null)
  if (!file) return
  try {
    let rest = Buffer.alloc(0)
    let at = end
    while (at > 0) {
      const length = Math.min(readBackBytes, at)
      const piece = Buffer.alloc(length)
      await file.read(piece, 0, length, at - length)
      at -= length
      let buffer = Buffer.concat([piece, rest])
      for (let stop = buffer.length; ; ) {
        // The byte before `stop` is the line's own end.
        const newline = stop >= 2 ? buffer.lastIndexOf(10, stop - 2) : -1
        if (newline < 0) {
          buffer = buffer.subarray(0, stop)
          break
        }
        const text = buffer.toString('utf8', newline + 1, stop).trimEnd()
        if (text) yield { text, start: at + newline + 1 }
        stop = newline + 1
      }
      rest = buffer
    }
    const text = rest.toString('utf8').trimEnd()
    if (text) yield { text, start: 0 }
  } finally {
    await file.close()
  }
}
