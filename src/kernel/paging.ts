import * as z from 'zod'
import { invalidInput } from './errors.ts'

/** One page of a list. `nextCursor` is null on the last page. */
export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

export const PageQuery = z.object({
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
})
export type PageQuery = z.infer<typeof PageQuery>

export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() })

/** Cursors are opaque to clients: the sort key of the last item seen. */
export const encodeCursor = (key: readonly (string | number)[]): string => Buffer.from(JSON.stringify(key)).toString('base64url')

export type CursorPart = 'string' | 'integer' | 'number'

/** Reads a cursor back. `shape` is what the list's sort key is made of: a cursor of another list, or one made up, is refused. */
export function decodeCursor(cursor: string, shape?: readonly CursorPart[]): (string | number)[] {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(key) && key.length > 0 && key.every(isKeyPart) && (!shape || isOfShape(key, shape))) return key
  } catch {
    // Falls through to the one message below.
  }
  throw invalidInput('The cursor is not one that this list made. Start again without a cursor.', { field: 'cursor' })
}

// Databases refuse NUL, and none of our keys has one.
const isKeyPart = (part: unknown): part is string | number =>
  typeof part === 'number' ? Number.isFinite(part) : typeof part === 'string' && !part.includes('\0')

const isOfShape = (key: (string | number)[], shape: readonly CursorPart[]): boolean =>
  key.length === shape.length &&
  key.every((part, i) => (shape[i] === 'integer' ? Number.isSafeInteger(part) : typeof part === shape[i]))

/** Cuts `limit + 1` fetched rows into a page. */
export function toPage<T>(rows: T[], limit: number, keyOf: (row: T) => (string | number)[]): Page<T> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last ? encodeCursor(keyOf(last)) : null }
}
