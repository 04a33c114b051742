/** What is known of a request before its body. */
export interface RequestHead {
  method: string
  url: string
  headers: Record<string, string>
  contentLength: number
}

/** Headers that change how a connection is read or kept; a request that has one of them is not plain. */
const special = new Set(['transfer-encoding', 'expect', 'upgrade', 'trailer', 'te', 'content-encoding', 'http2-settings'])

const requestLine = /^([A-Z]{1,10}) (\/[\x21-\x7e]{0,2000}) HTTP\/1\.1$/
const headerLine = /^([A-Za-z0-9-]{1,64}):([\t\x20-\x7e]*)$/

/**
 * Reads the head of a plain HTTP/1.1 request: every header once, visible ASCII, a length, and nothing that changes how the connection is read.
 * Null for anything else, which is not refused but left to the full parser: what two parsers could read differently is read by one.
 */
export function readHead(text: string): RequestHead | null {
  const lines = text.split('\r\n')
  const first = requestLine.exec(lines[0]!)
  if (!first) return null
  const headers: Record<string, string> = Object.create(null)
  for (let i = 1; i < lines.length; i++) {
    const found = headerLine.exec(lines[i]!)
    if (!found) return null
    const name = found[1]!.toLowerCase()
    // Not in the pattern, which would try every way to share out a long run of blanks.
    const value = found[2]!.trim()
    if (special.has(name) || headers[name] !== undefined || value.includes('\t')) return null
    headers[name] = value
  }
  const { connection, host, 'content-length': length } = headers
  if (!host || length === undefined || !/^\d{1,9}$/.test(length)) return null
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return null
  return { method: first[1]!, url: first[2]!, headers, contentLength: Number(length) }
}
