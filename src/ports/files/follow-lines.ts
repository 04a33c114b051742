import type { FileHandle } from 'node:fs/promises'
import type { LineFollower } from './files.ts'

const bytesPerTurn = 1 << 17
/** A longer line is cut: one event never needs more. */
const maxLineBytes = 4 << 20

/** Reads what was appended since the last call. Holds the file open, so that a name put in its place later is never read. */
export function followLines(file: FileHandle): LineFollower {
  const buffer = Buffer.allocUnsafe(bytesPerTurn)
  let position = 0
  let isAtEnd = false
  let pieces: Buffer[] = []
  let pendingBytes = 0

  async function next(): Promise<string[]> {
    const { bytesRead } = await file.read(buffer, 0, bytesPerTurn, position)
    position += bytesRead
    isAtEnd = bytesRead < bytesPerTurn
    const lines: string[] = []
    let start = 0
    for (let end = buffer.indexOf(10, 0); end !== -1 && end < bytesRead; end = buffer.indexOf(10, start)) {
      lines.push(takeLine(buffer.subarray(start, end)))
      start = end + 1
    }
    if (start < bytesRead && pendingBytes < maxLineBytes) {
      pieces.push(Buffer.from(buffer.subarray(start, bytesRead)))
      pendingBytes += bytesRead - start
    }
    return lines
  }

  function takeLine(end: Buffer): string {
    const line = Buffer.concat([...pieces, end]).toString('utf8')
    pieces = []
    pendingBytes = 0
    return line
  }

  return {
    next,
    get isAtEnd() {
      return isAtEnd
    },
    async close() {
      await file.close()
      return pendingBytes > 0 ? takeLine(Buffer.alloc(0)) : null
    },
  }
}
