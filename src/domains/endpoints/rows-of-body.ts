import { invalidInput } from '../../kernel/errors.ts'

/** The most rows of one request. */
export const maxRows = 10_000

/** The rows of `{ rows: [...] }` or `{ row: {...} }`. */
export function rowsOf(body: unknown): unknown[] {
  if (body !== null && typeof body === 'object' && !Array.isArray(body)) {
    const { rows, row, uncertainty: _, generation: __, explain: ___, nearest: ____, ...others } = body as Record<string, unknown>
    const [extra] = Object.keys(others)
    if (extra !== undefined) throw invalidInput(`There is no field "${extra}" here. ${wanted}`, { field: extra })
    if (row !== undefined && rows === undefined) return [row]
    if (Array.isArray(rows) && row === undefined) {
      if (rows.length === 0) throw invalidInput('"rows" is empty. Send at least one row.', { field: 'rows' })
      if (rows.length > maxRows) {
        throw invalidInput(`A request takes at most ${maxRows} rows, not ${rows.length}. Send several requests.`, {
          field: 'rows',
          maxRows,
        })
      }
      return rows
    }
  }
  throw invalidInput(`The body does not hold rows. ${wanted}`, { field: 'rows' })
}

const wanted = 'Send {"rows": [{"column": value, …}, …]} or {"row": {"column": value, …}}.'
