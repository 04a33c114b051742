import type * as z from 'zod'
import { identifier, parquet } from '../../../ports/tables/sql.ts'
import { copyColumn } from '../media/column-names.ts'
import { isMediaColumn } from '../media/lay-items.ts'
import type { Column, LeakFinding as LeakFindingSchema } from '../schema.ts'
import type { SplitWish, SplitWork, WrittenPart } from './split-table.ts'

export type LeakFinding = z.output<typeof LeakFindingSchema>

/** Rows looked at for copies of the target: enough to see a rule that holds in 999 of 1,000 rows. */
const sampleRows = 100_000

/**
 * Looks for ways in which a model could know what it should not: columns that give the target away, and rows of the test part that training has seen
 * in another form. Everything is said in a sentence; nothing is removed.
 */
export async function findLeaks(
  work: SplitWork,
  split: { parts: readonly WrittenPart[]; columns: readonly Column[]; rows: number },
  wish: SplitWish,
): Promise<LeakFinding[]> {
  const path = (part: string) => split.parts.find((one) => one.part === part)!.path
  const look: Look = {
    train: path('train'),
    test: path('test'),
    trainRows: split.parts.find(({ part }) => part === 'train')!.rows,
    testRows: split.parts.find(({ part }) => part === 'test')!.rows,
    columns: split.columns,
    wish,
    async query(sql) {
      const job = { folders: [work.folder], scratch: `${work.folder}/spill`, signal: work.signal }
      return (await work.tables.run({ ...job, statements: [{ sql }] }))[0]!.rows
    },
  }
  const found = [
    ...(wish.target ? await targetCopies(look, wish.target) : []),
    ...(await repeatedRows(look)),
    ...(await sharedCopies(look)),
    ...(await sharedGroups(look)),
    ...timeOrder(look),
    ...identifiers(look),
  ]
  const weight = { serious: 0, warning: 1, info: 2 }
  return found.sort((a, b) => weight[a.severity] - weight[b.severity])
}

interface Look {
  train: string
  test: string
  trainRows: number
  testRows: number
  columns: readonly Column[]
  wish: SplitWish
  query(sql: string): Promise<unknown[][]>
}

const isNumeric = ({ type }: Column) => type === 'number' || type === 'integer' || type === 'boolean' || type === 'datetime'
const percent = (share: number) => `${(100 * share).toFixed(share > 0.9995 || share < 0.001 ? 2 : 1)} %`

/** A column from which the target can be read: by its value, by a range of its values, or because it is the target times a constant. */
async function targetCopies(look: Look, target: string): Promise<LeakFinding[]> {
  const goal = look.columns.find(({ name }) => name === target)!
  const others = look.columns.filter(
    ({ name, type }) => name !== target && type !== 'id' && type !== 'text' && type !== 'image' && type !== 'audio',
  )
  const share = Math.min(1, sampleRows / Math.max(1, look.trainRows))
  const sample = `(SELECT * FROM ${parquet(look.train)} WHERE ${share < 1 ? `hash(__row) % 1000 < ${Math.ceil(share * 1000)}` : 'true'})`
  const [counts] = await look.query(`SELECT count(*), count(DISTINCT ${identifier(target)}) FROM ${sample}`)
  const [rows, classes] = counts!.map(Number) as [number, number]
  const regression = isNumeric(goal) && classes > 20
  return regression ? numericCopies(look, target, others, sample) : classCopies(look, target, others, sample, rows, classes)
}

async function numericCopies(look: Look, target: string, others: readonly Column[], sample: string): Promise<LeakFinding[]> {
  const findings: LeakFinding[] = []
  const numeric = others.filter(isNumeric)
  for (let from = 0; from < numeric.length; from += 200) {
    const some = numeric.slice(from, from + 200)
    const number = (column: Column | string) =>
      asNumber(typeof column === 'string' ? look.columns.find(({ name }) => name === column)! : column)
    const [row] = await look.query(
      `SELECT ${some.flatMap((column) => [`corr(${number(column)}, ${number(target)})`, `count(*) FILTER (${identifier(column.name)} IS NOT NULL) = count(*) FILTER (${number(column)} = ${number(target)})`]).join(', ')} FROM ${sample}`,
    )
    for (const [at, { name }] of some.entries()) {
      const r = row![2 * at] === null ? 0 : Math.abs(Number(row![2 * at]))
      const same = row![2 * at + 1] === true
      if (r > 0.999)
        findings.push({
          kind: same ? 'target_copy' : 'target_near_copy',
          severity: 'serious',
          column: name,
          message: same
            ? `Column "${name}" is a copy of the target "${target}". A model would only read it off; leave the column out.`
            : `Column "${name}" follows the target "${target}" almost exactly (correlation ${r.toFixed(5)}). If it is not known before the outcome, leave it out.`,
          facts: { correlation: Number(row![2 * at]) },
        })
    }
  }
  return findings
}

/** Share of rows that would be right when each value (or each of 100 ranges of a number) stood for its most frequent class. */
async function classCopies(
  look: Look,
  target: string,
  others: readonly Column[],
  sample: string,
  rows: number,
  classes: number,
): Promise<LeakFinding[]> {
  const findings: LeakFinding[] = []
  const [most] = await look.query(`SELECT max(n) FROM (SELECT count(*) AS n FROM ${sample} GROUP BY ${identifier(target)})`)
  const base = Number(most![0]) / Math.max(1, rows)
  const different = new Map<string, number>()
  for (let from = 0; from < others.length; from += 200) {
    const some = others.slice(from, from + 200)
    const [row] = await look.query(
      `SELECT ${some.map(({ name }) => `approx_count_distinct(${identifier(name)})`).join(', ')} FROM ${sample}`,
    )
    for (const [at, { name }] of some.entries()) different.set(name, Number(row![at]))
  }
  // A range must hold enough rows that it is not of one class by chance.
  const ranges = Math.max(2, Math.min(100, Math.floor(rows / 50)))
  for (const column of others) {
    const fine = isNumeric(column) && different.get(column.name)! > ranges
    if (!isNumeric(column) && different.get(column.name)! > rows / 4) continue
    const value = fine ? `ntile(${ranges}) OVER (ORDER BY ${asNumber(column)})` : `${identifier(column.name)}::VARCHAR`
    const [row] = await look.query(
      `SELECT sum(m), count(*), sum(n) FROM (SELECT v, max(n) AS m, sum(n) AS n FROM (SELECT v, y, count(*) AS n FROM (SELECT ${value} AS v, ${identifier(target)} AS y FROM ${sample}) GROUP BY v, y) GROUP BY v)`,
    )
    const [right, values, all] = row!.map(Number) as [number, number, number]
    const purity = right / Math.max(1, all)
    // Many values with few rows each are pure by chance: each must stand for a good number of rows.
    if (values > all / 5 || base > 0.995 || purity < Math.max(0.995, base + 0.9 * (1 - base))) continue
    const copy = purity === 1 && values === classes
    findings.push({
      kind: copy ? 'target_copy' : 'target_near_copy',
      severity: 'serious',
      column: column.name,
      message: copy
        ? `Column "${column.name}" is the target "${target}" in other words: each of its values goes with one class. Leave it out.`
        : `Column "${column.name}" alone gives the target "${target}" right in ${percent(purity)} of the training rows. If it is not known before the outcome, leave it out.`,
      facts: { purity, values, base, sampled: rows < look.trainRows ? rows : null },
    })
  }
  return findings
}

const asNumber = ({ name, type }: Column): string =>
  type === 'boolean'
    ? `${identifier(name)}::INTEGER`
    : type === 'datetime'
      ? `epoch_ms(${identifier(name)})::DOUBLE`
      : `${identifier(name)}::DOUBLE`

/** Rows of the test part that training holds as well, keys aside. */
async function repeatedRows(look: Look): Promise<LeakFinding[]> {
  const compared = look.columns.filter(({ type }) => type !== 'id').map(({ name }) => identifier(name))
  if (compared.length === 0) return []
  const hashed = (part: string) => `SELECT hash(${compared.join(', ')}) AS h FROM ${parquet(part)}`
  const [row] = await look.query(`SELECT count(*) FROM (${hashed(look.test)}) WHERE h IN (${hashed(look.train)})`)
  const repeated = Number(row![0])
  if (repeated === 0) return []
  const share = repeated / look.testRows
  return [
    {
      kind: 'duplicate_rows',
      severity: share > 0.05 ? 'serious' : share > 0.01 ? 'warning' : 'info',
      column: null,
      message: `${repeated} of the ${look.testRows} test rows (${percent(share)}) repeat a training row exactly${share > 0.01 ? ': the test is easier than the world. Remove duplicates first, or split by a group' : ''}.`,
      facts: { rows: repeated, share },
    },
  ]
}

/** Items of the test part that training has as well, or has something that looks the same. */
async function sharedCopies(look: Look): Promise<LeakFinding[]> {
  if (!look.columns.some(isMediaColumn) || !look.columns.some(({ name }) => name === copyColumn)) return []
  const column = identifier(copyColumn)
  const [row] = await look.query(
    `SELECT count(*) FROM ${parquet(look.test)} WHERE ${column} IN (SELECT ${column} FROM ${parquet(look.train)} WHERE ${column} IS NOT NULL)`,
  )
  const shared = Number(row![0])
  if (shared === 0) return []
  const share = shared / look.testRows
  return [
    {
      kind: 'duplicate_rows',
      severity: share > 0.05 ? 'serious' : share > 0.01 ? 'warning' : 'info',
      column: copyColumn,
      message: `${shared} of the ${look.testRows} test items (${percent(share)}) are in training too, as the same bytes or as an image that looks the same. Split by the group "${copyColumn}" to keep them together.`,
      facts: { rows: shared, share },
    },
  ]
}

const groupName =
  /(^|[_\s-])(id|ids|uuid|guid|customer|client|patient|subject|person|user|account|speaker|singer|household|session|device|group|site)([_\s-]?(id|no|nr|number))?$|[a-z](Id|ID)$/

/** The same customer, patient or device on both sides: what is learned about them is not learned about the next one. */
async function sharedGroups(look: Look): Promise<LeakFinding[]> {
  const findings: LeakFinding[] = []
  const candidates = look.columns.filter(
    ({ name, type, personalData }) =>
      type !== 'id' &&
      type !== 'number' &&
      type !== 'boolean' &&
      type !== 'datetime' &&
      type !== 'image' &&
      type !== 'audio' &&
      name !== look.wish.groupColumn &&
      name !== look.wish.target &&
      (groupName.test(name) || ['email', 'phone', 'name', 'identifier', 'bank_account'].includes(personalData?.kind ?? '')),
  )
  for (const { name } of candidates.slice(0, 20)) {
    const column = identifier(name)
    const [row] = await look.query(
      `SELECT (SELECT count(DISTINCT ${column}) FROM ${parquet(look.train)}), (SELECT count(DISTINCT ${column}) FROM ${parquet(look.test)}),
        (SELECT count(*) FROM (SELECT ${column} FROM ${parquet(look.train)} INTERSECT SELECT ${column} FROM ${parquet(look.test)}) WHERE ${column} IS NOT NULL)`,
    )
    const [inTrain, inTest, shared] = row!.map(Number) as [number, number, number]
    if (inTest < 20 || shared === 0 || shared < 0.05 * inTest) continue
    findings.push({
      kind: 'group',
      severity: 'warning',
      column: name,
      message: `${shared} of the ${inTest} values of "${name}" in the test part occur in training too. If the model is meant for new ones, split by the group "${name}".`,
      facts: { shared, inTrain, inTest },
    })
  }
  return findings
}

function timeOrder({ columns, wish }: Look): LeakFinding[] {
  if (wish.kind === 'time') return []
  const date = columns.find(({ type, name }) => type === 'datetime' && name !== wish.target && !/birth|dob|geburt/i.test(name))
  if (!date) return []
  return [
    {
      kind: 'time',
      severity: 'warning',
      column: date.name,
      message: `The rows have a date ("${date.name}") and the split does not follow it: test rows lie between training rows in time. If the model is to foretell, split by time.`,
      facts: { kind: wish.kind },
    },
  ]
}

function identifiers({ columns }: Look): LeakFinding[] {
  return columns
    .filter(({ type }) => type === 'id')
    .map(({ name }) => ({
      kind: 'identifier' as const,
      severity: 'info' as const,
      column: name,
      message: `Column "${name}" is different in every row. It is not used as a feature.`,
      facts: {},
    }))
}
