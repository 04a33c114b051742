import { pseudonym } from '../../datasets/import/pseudonym.ts'

/** What a policy lets be kept of rows. */
export interface Keeping {
  hidden: ReadonlySet<string>
  /** Columns of which only a keyed hash is kept. */
  hashed: ReadonlySet<string>
}

/** Rows as they are kept, as the body of a request: without what is hidden, with hashes (HMAC-SHA-256 under the project's key) where only they are kept. */
export function keptRows(rows: readonly unknown[], { hidden, hashed }: Keeping, hashKey: string | null): string {
  const kept = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row as object)
        .filter(([name]) => !hidden.has(name))
        .map(([name, value]) => [name, hashed.has(name) ? hashOf(value, hashKey!) : value]),
    ),
  )
  return JSON.stringify({ rows: kept })
}

/** What is missing says nothing and stays as it is. */
const hashOf = (value: unknown, key: string): unknown =>
  value === null || value === undefined || value === '' ? value : pseudonym(textOf(value), key)

/** A value as the text that a column of texts would have, so that the same value has the same hash wherever it is from. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
