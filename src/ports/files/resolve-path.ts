import { isAbsolute, join, normalize, sep } from 'node:path'
import { invalidInput } from '../../kernel/errors.ts'

/** The one place where a relative path becomes an absolute one. It never leaves `root`. */
export function resolvePath(root: string, ...path: string[]): string {
  for (const part of path) {
    if (part.includes('\0') || part.includes('\\') || isAbsolute(part) || part.split('/').includes('..'))
      throw invalidInput(`"${printable(part)}" is not a path within its folder.`, { path: printable(part) })
  }
  const full = normalize(join(root, ...path))
  const base = normalize(root).replace(/\/+$/, '')
  if (full.replace(/\/+$/, '') !== base && !full.startsWith(base + sep))
    throw invalidInput(`"${printable(path.join('/'))}" is not a path within its folder.`, { path: printable(path.join('/')) })
  return full
}

const printable = (text: string) => text.slice(0, 200).replace(/[\x00-\x1f\x7f]/g, '?')
