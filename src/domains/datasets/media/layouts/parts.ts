import { partColumn } from '../column-names.ts'
import type { LaidColumn } from './layout.ts'

const words: Record<string, string> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
  eval: 'test',
}

/** What a folder called "train", "val" or "test" says of the items in it; null for other names. */
export const partOf = (folder: string): string | null =>
  words[folder.toLowerCase().replace(/[-_ ]?(set|data|images?)$/, '')] ?? null

/** The column that the folders' parts make: called so that a split takes it by itself only when it is a whole split. */
export function partsColumn(parts: readonly (string | null)[]): LaidColumn[] {
  const named = new Set(parts)
  named.delete(null)
  if (named.size === 0) return []
  const whole = named.has('train') && named.has('test') && !parts.includes(null)
  return [{ name: whole ? partColumn : 'came_in', type: 'category', values: [...parts] }]
}
