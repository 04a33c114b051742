import { open, writeFile } from 'node:fs/promises'
import chardet from 'chardet'
import iconv from 'iconv-lite'
import type { TextSample } from './tables.ts'

/** How much of the text is handed back for finding delimiter and header. */
const textBytes = 256 * 1024

/** Reads the beginning of a file, says what it is, and writes it as UTF-8, cut after the last whole record. */
export async function textSample({
  from,
  to,
  encoding,
  maxBytes,
}: {
  from: string
  to: string
  encoding: string | null
  maxBytes: number
}): Promise<TextSample> {
  const file = await open(from, 'r')
  let sizeBytes: number
  let bytes: Buffer
  try {
    sizeBytes = (await file.stat()).size
    bytes = Buffer.alloc(Math.min(sizeBytes, maxBytes))
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    bytes = bytes.subarray(0, at)
  } finally {
    await file.close()
  }
  const complete = bytes.length === sizeBytes
  const about = { sizeBytes, complete, magic: bytes.subarray(0, 16).toString('latin1') }
  const nothing = {
    ...about,
    encoding: null,
    sure: false,
    guessed: [],
    bom: false,
    mixedLineEnds: false,
    text: '',
    replaced: 0,
    firstReplacedLine: null,
  }
  if (sizeBytes === 0) return { ...nothing, kind: 'empty' }
  if (about.magic.startsWith('PAR1')) return { ...nothing, kind: 'parquet' }
  if (about.magic.startsWith('PK\x03\x04')) return { ...nothing, kind: 'zip' }
  const found = encoding ? { encoding, sure: true, guessed: [] } : findEncoding(bytes)
  if (!found || (encoding && !iconv.encodingExists(encoding))) return { ...nothing, kind: 'binary' }
  const bom = /^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/.test(about.magic)
  const decoded = iconv.decode(bytes, found.encoding)
  // The last character may be cut in two where the file goes on.
  const whole = complete ? decoded : wholeRecords(decoded.replace(/\ufffd+$/, ''))
  // A file may hold the replacement character itself; only bytes that the encoding does not have count.
  const broken = found.encoding !== 'utf-8' || !isUtf8(bytes)
  const firstReplaced = broken ? whole.indexOf('\ufffd') : -1
  const mixedLineEnds = whole.includes('\r\n') && /[^\r]\n/.test(whole)
  await writeFile(to, mixedLineEnds ? whole.replaceAll('\r\n', '\n') : whole, { mode: 0o600 })
  return {
    ...about,
    ...found,
    kind: 'text',
    bom,
    mixedLineEnds,
    text: whole.slice(0, textBytes),
    replaced: firstReplaced < 0 ? 0 : whole.split('\ufffd').length - 1,
    firstReplacedLine: firstReplaced < 0 ? null : whole.slice(0, firstReplaced).split('\n').length,
  }
}

/** null: not text. */
function findEncoding(bytes: Buffer): { encoding: string; sure: boolean; guessed: string[] } | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { encoding: 'utf-16le', sure: true, guessed: [] }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { encoding: 'utf-16be', sure: true, guessed: [] }
  const utf16 = utf16ByZeros(bytes)
  if (utf16) return { encoding: utf16, sure: false, guessed: [] }
  if (bytes.includes(0)) return null
  if (isUtf8(bytes)) return controlShare(bytes) > 0.02 ? null : { encoding: 'utf-8', sure: true, guessed: [] }
  if (controlShare(bytes) > 0.02) return null
  const guesses = chardet
    .analyse(bytes.subarray(0, textBytes))
    .map(({ name }) => (name.startsWith('ISO-8859-1') && !/\d\d$/.test(name.slice(10)) ? 'windows-1252' : name.toLowerCase()))
    .filter((name) => iconv.encodingExists(name) && !name.startsWith('utf'))
  const fits = (name: string) => !iconv.decode(bytes.subarray(0, textBytes), name).slice(0, -4).includes('\ufffd')
  return { encoding: guesses.find(fits) ?? 'windows-1252', sure: false, guessed: [...new Set(guesses)].slice(0, 3) }
}

/** UTF-16 without a byte order mark: Latin text has a zero in every second byte. */
function utf16ByZeros(bytes: Buffer): string | null {
  const length = Math.min(bytes.length, 4096) & ~1
  if (length < 4) return null
  let even = 0
  let odd = 0
  for (let at = 0; at < length; at += 2) {
    if (bytes[at] === 0) even++
    if (bytes[at + 1] === 0) odd++
  }
  const pairs = length / 2
  if (odd > 0.6 * pairs && even < 0.05 * pairs) return 'utf-16le'
  if (even > 0.6 * pairs && odd < 0.05 * pairs) return 'utf-16be'
  return null
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

function controlShare(bytes: Buffer): number {
  const length = Math.min(bytes.length, 65_536)
  let controls = 0
  for (let at = 0; at < length; at++) {
    const byte = bytes[at]!
    if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) controls++
  }
  return controls / Math.max(1, length)
}

/** Up to the last line end outside quotes, so that the sample's last record is whole. */
function wholeRecords(text: string): string {
  let quotes = 0
  let end = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 34) quotes++
    else if (unit === 10 && quotes % 2 === 0) end = at + 1
  }
  return end > 0 ? text.slice(0, end) : text
}
