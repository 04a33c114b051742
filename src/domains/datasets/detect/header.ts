import { limits } from './limits.ts'

const looksLikeValue = (cell: string) =>
  /^[+-]?[\d.,]*\d[\d.,]*(e[+-]?\d+)?$/i.test(cell) ||
  /^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}/.test(cell) ||
  /^(true|false|na|n\/a|null|nan)$/i.test(cell)

/** Whether the first record names the columns, and why. */
export function findHeader(records: string[][]): { header: boolean; sure: boolean } {
  const [first, ...rest] = records
  if (!first) return { header: true, sure: false }
  const cells = first.map((cell) => cell.trim())
  const values = cells.filter(looksLikeValue).length
  const rows = rest.slice(0, 100)
  // A name above numbers, or a cell that never returns below it, is a name.
  const namesAboveValues = cells.filter(
    (cell, at) => !looksLikeValue(cell) && rows.some((row) => looksLikeValue(row[at]?.trim() ?? '')),
  ).length
  if (values === 0) return { header: true, sure: namesAboveValues > 0 }
  if (values === cells.length) {
    const years = cells.every((cell) => /^(19|20)\d\d$/.test(cell)) && new Set(cells).size === cells.length
    return { header: years, sure: !years && rows.length > 0 }
  }
  return { header: namesAboveValues > values, sure: false }
}

/** Column names that are present, unique (also to readers that do not tell case apart) and not ours; what was changed is said. */
export function columnNames(cells: readonly string[]): {
  names: string[]
  notes: string[]
  renamed: { from: string; to: string; position: number }[]
} {
  // No JSON body may hold the second: a row with it could never be sent.
  const taken = new Set(['__row', '__proto__'])
  const renamed: { from: string; to: string; position: number }[] = []
  const names = cells.map((cell, at) => {
    const clean = cell
      .normalize('NFC')
      .replace(/[\x00-\x1f\x7f\u200b\ufeff]+/g, ' ')
      .trim()
      .slice(0, limits.nameLength)
    const wanted = clean || `column_${at + 1}`
    let name = wanted
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${wanted}_${n}`
    taken.add(name.toLowerCase())
    if (name !== cell) renamed.push({ from: cell, to: name, position: at + 1 })
    return name
  })
  const notes = renamed
    .filter(({ from, to }) => from.trim() !== to)
    .map(({ from, to, position }) =>
      from.trim() === ''
        ? `Column ${position} has no name; it is called "${to}".`
        : `The name "${from.slice(0, 60)}" of column ${position} occurs before or may not be used; it is called "${to}".`,
    )
  return {
    names,
    renamed,
    notes: notes.length > 5 ? [...notes.slice(0, 5), `${notes.length - 5} more columns were renamed.`] : notes,
  }
}
