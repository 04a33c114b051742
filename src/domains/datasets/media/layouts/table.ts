import type { UnpackedItem } from '../../../../ports/media/media.ts'
import { copyColumn, measuredNames, partColumn } from '../column-names.ts'
import { type Described, readDescribed } from './described.ts'
import { type FindItem, folderOf, itemFinder, nameOf, stemOf } from './find-item.ts'
import { classWarnings } from './folders.ts'
import { countOf, type LaidColumn, type LaidOut, type MediaWarning, nouns, quoted, type Survey } from './layout.ts'
import { partOf } from './parts.ts'

interface Fitting extends Described {
  /** The column that names the items. */
  at: number
}

/** What the files say of themselves is measured, not read from a table. */
const isMeasured = (name: string) => measuredNames.has(name.toLowerCase()) || name === copyColumn
const labelNames =
  /^(label|labels|class|class_name|category|target|species|breed|diagnosis|emotion|word|command|genre|type|y|dx|finding)$/i

/** A table (CSV, TSV, JSON lines) with a column that names the items. Null when no text does. */
export async function layTable(survey: Survey): Promise<LaidOut | null> {
  const find = itemFinder(survey.items.filter(({ kind }) => kind === survey.kind))
  const fitting: Fitting[] = []
  for (const item of survey.items) {
    if (item.kind !== 'text' || !/\.(csv|tsv|txt|jsonl|ndjson|json|list|tab)$/i.test(item.path)) continue
    const described = readDescribed(item.path, await survey.text(item), find)
    const at = described && pathColumn(described, find)
    if (described && at !== null && described.names.length > 1) fitting.push({ ...described, at: at! })
  }
  if (fitting.length === 0) return null
  return assemble(survey, fitting, find)
}

/** The column most of whose values name items. */
function pathColumn({ file, names, rows }: Described, find: FindItem): number | null {
  const some = rows.slice(0, 300)
  const shares = names.map((_, at) => {
    const named = some.filter(({ cells }) => cells[at] !== null)
    return named.filter(({ cells }) => find(cells[at]!, folderOf(file)) !== null).length / Math.max(1, some.length)
  })
  const best = Math.max(...shares)
  return best >= 0.3 ? shares.indexOf(best) : null
}

function assemble(survey: Survey, tables: readonly Fitting[], find: FindItem): LaidOut {
  const { kind } = survey
  const usable = new Set(survey.media)
  const names = [...new Set(tables.flatMap((table) => table.names.filter((name, at) => at !== table.at && !isMeasured(name))))]
  const parts = tables.map(({ file }) =>
    partOf(
      stemOf(nameOf(file))
        .split(/[-_.]/)
        .find((word) => partOf(word) !== null) ?? '',
    ),
  )
  const items: UnpackedItem[] = []
  const values: (string | null)[][] = names.map(() => [])
  const inPart: (string | null)[] = []
  const named = new Set<UnpackedItem>()
  const absent: { file: string; line: number; path: string }[] = []
  for (const [number, table] of tables.entries()) {
    const places = names.map((name) => table.names.indexOf(name))
    for (const { line, cells } of table.rows) {
      const item = cells[table.at] === null ? null : find(cells[table.at]!, folderOf(table.file))
      if (item) named.add(item)
      if (!item || !usable.has(item)) {
        if (!item) absent.push({ file: table.file, line, path: cells[table.at] ?? '' })
        continue
      }
      items.push(item)
      for (const [at, place] of places.entries()) values[at]!.push(place < 0 ? null : (cells[place] ?? null))
      inPart.push(parts[number]!)
    }
  }
  const unnamed = survey.media.filter((item) => !named.has(item))
  const columns: LaidColumn[] = names.map((name, at) => columnOf(name, values[at]!, find, kind))
  // An item may be named by a second column only: a mask has no row of its own.
  const asMask = new Set(columns.flatMap(({ type, values: of }) => (type === kind ? of : [])))
  const alone = unnamed.filter(({ path }) => !asMask.has(path))
  for (const item of alone) {
    items.push(item)
    for (const column of columns) column.values.push(null)
    inPart.push(null)
  }
  const whole = parts.includes('train') && parts.includes('test') && alone.length === 0
  if (whole && !columns.some(({ name }) => name.toLowerCase() === partColumn))
    columns.push({ name: partColumn, type: 'category', values: inPart })
  const target = targetOf(columns)
  const counts = new Map<string, number>()
  for (const value of columns.find(({ name }) => name === target)?.values ?? [])
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1)
  return {
    layout: 'table',
    media: kind,
    sentence: `${countOf(items.length, kind)} named by column "${tables[0]!.names[tables[0]!.at]}" of ${quoted(tables.map(({ file }) => file))}${names.length > 0 ? `, with ${quoted(names)}` : ''}.`,
    items,
    columns,
    target,
    warnings: [
      ...tables.flatMap(({ warnings }) => warnings),
      ...absentItems(absent, survey),
      ...unnamedItems(alone, survey),
      ...(counts.size > 0 && counts.size < 100 ? classWarnings(counts, items.length) : []),
    ],
  }
}

/** A column that names items too (a mask) points to them; one that names parts gets the name that splits look for. */
function columnOf(name: string, values: (string | null)[], find: FindItem, kind: Survey['kind']): LaidColumn {
  const present = values.filter((value): value is string => value !== null)
  const found = present.slice(0, 200).map((value) => find(value))
  if (
    kind === 'image' &&
    found.length > 0 &&
    found.filter(Boolean).length >= 0.9 * found.length &&
    present.some((value) => /[./]/.test(value))
  )
    return { name, type: kind, values: values.map((value) => (value === null ? null : (find(value)?.path ?? null))) }
  const words = new Set(present.map((value) => partOf(value.trim())))
  if (
    /^(part|split|set|subset|partition|fold_type)$/i.test(name) &&
    present.length === values.length &&
    words.has('train') &&
    words.has('test') &&
    !words.has(null)
  )
    return { name: partColumn, type: 'category', values: values.map((value) => partOf(value!.trim())) }
  // As the other layouts write objects: a long text, whatever its values repeat.
  return { name, type: name === 'boxes' && kind === 'image' ? 'text' : null, values }
}

/** The column that looks like the label, when there is one. */
function targetOf(columns: readonly LaidColumn[]): string | null {
  const named = columns.find(({ name, type }) => labelNames.test(name) && type === null)
  if (named) return named.name
  const words = (values: (string | null)[]) =>
    values.some((value) => value !== null && Number.isNaN(Number(value)) && !/^[[{]/.test(value))
  const few = columns.filter(
    ({ name, type, values }) =>
      type === null && name !== partColumn && words(values) && new Set(values).size <= Math.max(2, values.length / 5),
  )
  return few.length === 1 ? few[0]!.name : null
}

function absentItems(absent: readonly { file: string; line: number; path: string }[], { cut, kind }: Survey): MediaWarning[] {
  if (absent.length === 0 || cut) return []
  const [first] = absent
  return [
    {
      code: 'absent_item',
      message: `${absent.length} ${absent.length === 1 ? 'line names an item' : 'lines name items'} that ${absent.length === 1 ? 'is' : 'are'} not there and ${absent.length === 1 ? 'was' : 'were'} left out: "${first!.file}", line ${first!.line}: "${first!.path.slice(0, 120)}".`,
      facts: { count: absent.length, lines: absent.slice(0, 50), media: kind },
    },
  ]
}

function unnamedItems(alone: readonly UnpackedItem[], { kind, cut }: Survey): MediaWarning[] {
  if (alone.length === 0 || cut) return []
  return [
    {
      code: 'unnamed_item',
      message: `${countOf(alone.length, kind)} ${alone.length === 1 ? 'is' : 'are'} in no line of the table: ${quoted(
        alone.map(({ path }) => path),
        4,
      )}. Their other columns are missing.`,
      facts: { count: alone.length, items: alone.slice(0, 50).map(({ path }) => path), noun: nouns[kind].many },
    },
  ]
}
