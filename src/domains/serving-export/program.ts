import { stripTypeScriptTypes } from 'node:module'
import { PlatformError } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'

export interface ProgramFile {
  path: string
  text: string
}

const imported =
  /\b(?:import|export)\b[^'"\n;]*?\bfrom\s*'(\.[^'\n]+)'|\bimport\s*'(\.[^'\n]+)'|\bimport\(\s*'(\.[^'\n]+)'\s*\)|new URL\(\s*'(\.[^'\n]+\.ts)'/g

/**
 * The modules that a program of ours is made of, as JavaScript: those that its entries import, or start in threads and processes. What is exported is
 * the code that serves here, with nothing changed but the types taken out.
 */
export async function programOf(
  { files, sources }: { files: Pick<Files, 'readText'>; sources: string },
  entries: readonly string[],
): Promise<ProgramFile[]> {
  const found = new Map<string, string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue
    const code = withoutTypes(await files.readText(sources, path), path)
    for (const match of code.matchAll(imported)) waiting.push(resolved(path, (match[1] ?? match[2] ?? match[3] ?? match[4])!))
    found.set(path, code)
  }
  return [...found].sort().map(([path, code]) => ({ path: asJs(path), text: code.replace(imported, asJs) }))
}

function withoutTypes(text: string, path: string): string {
  try {
    // The blanks that types leave would only be carried along.
    return stripTypeScriptTypes(text, { mode: 'strip' }).replace(/[ \t]+$/gm, '')
  } catch (error) {
    throw new PlatformError('internal', `The module ${path} cannot be exported.`, { path }, { cause: error })
  }
}

const asJs = (text: string): string => text.replace(/\.ts(?=['"]|$)/, '.js')

/** A module named by another, below the sources. */
function resolved(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/'))
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  return parts.join('/')
}
