import { invalidInput } from '../../../kernel/errors.ts'
import { identifier } from '../../../ports/tables/sql.ts'
import type { Query, SplitWish } from './split-table.ts'

/** How people write the parts of a split that comes with their data. */
const wordsFor = {
  test: ['test', 'testing', 'eval', 'evaluation', 'holdout', 'hold-out'],
  validation: ['validation', 'valid', 'val', 'dev', 'development'],
  train: ['train', 'training', 'fit'],
} as const

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(', ')
/** What follows a slash says more of the row ("train/live") and divides nothing. */
const wordOf = ({ partColumn }: SplitWish) => `lower(trim(split_part(${identifier(partColumn!)}::VARCHAR, '/', 1)))`

/** A split that came with the data: a column says of each row which part it is in. A row of no part is an error, not a guess. */
export async function byGivenParts(query: Query, from: string, wish: SplitWish): Promise<string> {
  const word = wordOf(wish)
  const known = quoted(Object.values(wordsFor).flat())
  const strange = await query(
    `SELECT ${identifier(wish.partColumn!)}::VARCHAR, count(*), min(__row) FROM ${from} AND coalesce(${word} NOT IN (${known}), true)
      GROUP BY 1 ORDER BY 2 DESC LIMIT 1`,
  )
  const [first] = strange
  if (first) {
    const [value, rows, row] = first
    throw invalidInput(
      `Column "${wish.partColumn}" ${value === null ? 'is empty' : `holds "${value}"`} in ${rows} row${Number(rows) === 1 ? '' : 's'}, first in row ${row}. ` +
        'It must name the part of every row: train, validation or test.',
      { field: 'partColumn', column: wish.partColumn, row: Number(row) },
    )
  }
  return `SELECT __row AS r, (CASE WHEN ${word} IN (${quoted(wordsFor.test)}) THEN 0 WHEN ${word} IN (${quoted(wordsFor.validation)}) THEN 1 ELSE 2 END)::TINYINT AS part FROM ${from}`
}

/** Whether a given split has rows for validation. */
export async function namesValidation(query: Query, from: string, wish: SplitWish): Promise<boolean> {
  const [found] = await query(`SELECT count(*) FROM ${from} AND ${wordOf(wish)} IN (${quoted(wordsFor.validation)})`)
  return Number(found![0]) > 0
}
