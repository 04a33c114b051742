import { mediaLimits } from './limits.ts'

/** Files that operating systems and archivers leave behind: no part of the data. */
const clutter = /(^|\/)(__MACOSX(\/|$)|\.[^/]*$|\.[^/]*\/|Thumbs\.db$|desktop\.ini$|@eaDir\/)/i

export const isClutter = (path: string): boolean => clutter.test(path)

/** The path of an item as a version keeps it: relative, `/` between its parts, nothing that climbs. Or why it cannot be one. */
export function itemPath(name: string): { path: string } | { refused: string } {
  const path = name
    .replaceAll('\\', '/')
    .replace(/^(\.\/+)+/, '')
    .replace(/\/{2,}/g, '/')
    .normalize('NFC')
  if (path.startsWith('/') || /^[A-Za-z]:\//.test(path)) return { refused: 'its path is absolute' }
  const parts = path.split('/')
  if (parts.includes('..')) return { refused: 'its path leaves the archive' }
  if (path === '' || parts.includes('.') || parts.includes('')) return { refused: 'it has no name' }
  if (/[\x00-\x1f\x7f\ufffd]/.test(path)) return { refused: 'its name holds control characters or is not UTF-8 text' }
  if (path.length > mediaLimits.pathLength || parts.some((part) => Buffer.byteLength(part) > mediaLimits.segmentBytes))
    return { refused: 'its path is too long' }
  return { path }
}
