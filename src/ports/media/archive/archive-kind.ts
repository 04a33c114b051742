import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { zipEntries } from './zip.ts'

/** By its bytes: an archive that is read here, or not. A workbook is a .zip too, but a table; a lone compressed file is no archive. */
export async function archiveKind(path: string): Promise<'zip' | 'tar' | 'tar.gz' | null> {
  if (!(await stat(path)).isFile()) return null
  const head = await firstBytes(path)
  if (head.toString('latin1', 0, 4) === 'PK\x03\x04' || head.toString('latin1', 0, 4) === 'PK\x05\x06')
    return (await isWorkbook(path)) ? null : 'zip'
  if (head[0] === 0x1f && head[1] === 0x8b) return isTar(await firstUnpacked(path)) ? 'tar.gz' : null
  return isTar(head) ? 'tar' : null
}

const isTar = (head: Buffer) => head.length === 512 && head.toString('latin1', 257, 262) === 'ustar'

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const head = Buffer.alloc(512)
    return head.subarray(0, (await file.read(head, 0, 512, 0)).bytesRead)
  } finally {
    await file.close()
  }
}

async function firstUnpacked(path: string): Promise<Buffer> {
  const source = createReadStream(path, { end: 1 << 16 })
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of source.pipe(createGunzip())) {
      pieces.push(piece)
      length += piece.length
      if (length >= 512) break
    }
  } catch {
    // Too short, or not what it seems: then what came so far decides.
  } finally {
    source.destroy()
  }
  return Buffer.concat(pieces).subarray(0, 512)
}

const ofWorkbook = /^(xl\/|\[Content_Types\]\.xml)/

/** A damaged archive is for the reader of tables to complain about where it begins as workbooks do. */
async function isWorkbook(path: string): Promise<boolean> {
  try {
    let seen = 0
    for await (const { name } of zipEntries(path)) {
      if (ofWorkbook.test(name)) return true
      if (++seen > 200) return false
    }
    return false
  } catch {
    const head = await firstBytes(path)
    return ofWorkbook.test(head.toString('latin1', 30, 60))
  }
}
