import type { Readable } from 'node:stream'

const usualLineCharacters = 8192
const bytesPerWindow = 512 * 1024
const windowMs = 100

/**
 * Calls back for each line. A line is cut at 8192 characters unless told, and no more than 5 MB a second are read: a process that floods its
 * output waits for us, not we for it.
 */
export function readLines(stream: Readable, onLine: (line: string) => void, maxLineCharacters = usualLineCharacters): void {
  let rest = ''
  let windowStart = performance.now()
  let windowBytes = 0
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!.slice(0, maxLineCharacters)
    for (const line of lines) onLine(line.slice(0, maxLineCharacters).replace(/\r$/, ''))
    const now = performance.now()
    if (now - windowStart > windowMs) {
      windowStart = now
      windowBytes = 0
    }
    windowBytes += text.length
    if (windowBytes > bytesPerWindow) {
      stream.pause()
      setTimeout(() => stream.resume(), windowMs)
    }
  })
  stream.on('end', () => {
    if (rest) onLine(rest)
  })
  stream.on('error', () => {})
}
