import { identifier, literal } from '../../../ports/tables/sql.ts'

/** What one value looks like. Each value has exactly one shape. */
export const shapes = [
  'blank', // nothing, or spaces only
  'int',
  'zeros', // digits with leading zeros: a code, not a number
  'dec', // 1.5, 1e-3
  'comma', // 1,5
  'comma3', // 1,234: a thousand or a decimal comma
  'thousands', // 1,234,567.8
  'euro', // 1.234,5
  'bool', // true, false
  'iso', // 2024-02-29, 2024-02-29T12:00:00Z
  'dmy', // 29.2.2024
  'slash', // 3/4/2024: either
  'slash_dmy', // 29/2/2024
  'slash_mdy', // 2/29/2024
  'ymd', // 2024/2/29
  'na', // NA, NaN, null, …
  'email',
  'ip',
  'iban',
  'phone',
  'text',
] as const
export type Shape = (typeof shapes)[number]

/** Words that stand for a missing value among numbers and dates. "none" and "unknown" are answers, so they are not here. */
export const missingWords = ['NA', 'N/A', '#N/A', 'NAN', 'NULL', '<NA>', 'NIL', '?', '-', '.'] as const

const clock = '([ T]\\d{1,2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?)?'

const tests: [Shape, string][] = [
  ['int', matches('[+-]?(0|[1-9]\\d{0,17})')],
  ['zeros', matches('0\\d{1,17}')],
  ['dec', matches('[+-]?((\\d+\\.\\d*|\\.\\d+)([eE][+-]?\\d{1,3})?|\\d+[eE][+-]?\\d{1,3}|\\d{19,40})')],
  ['comma3', matches('[+-]?[1-9]\\d{0,2},\\d{3}')],
  ['comma', matches('[+-]?\\d*,\\d+')],
  ['thousands', matches('[+-]?\\d{1,3}(,\\d{3})+(\\.\\d+)?')],
  ['euro', matches('[+-]?\\d{1,3}(\\.\\d{3})+,\\d+')],
  ['bool', "lower(t) IN ('true', 'false')"],
  ['iso', matches(`\\d{4}-\\d{2}-\\d{2}${clock}\\s?(Z|UTC|[+-]\\d{2}(:?\\d{2})?)?`)],
  ['dmy', matches(`\\d{1,2}\\.\\d{1,2}\\.(19|20)?\\d{2}${clock}`)],
  ['slash_dmy', matches(`(1[3-9]|2\\d|3[01])/(0?[1-9]|1[0-2])/(19|20)?\\d{2}${clock}`)],
  ['slash_mdy', matches(`(0?[1-9]|1[0-2])/(1[3-9]|2\\d|3[01])/(19|20)?\\d{2}${clock}`)],
  ['slash', matches(`(0?[1-9]|1[0-2])/(0?[1-9]|1[0-2])/(19|20)?\\d{2}${clock}`)],
  ['ymd', matches(`(19|20)\\d{2}/\\d{1,2}/\\d{1,2}${clock}`)],
  ['na', `upper(t) IN (${missingWords.map(literal).join(', ')})`],
  ['email', matches('[^@\\s,;<>"]{1,64}@[A-Za-z0-9.-]{1,180}\\.[A-Za-z]{2,24}')],
  ['ip', matches('(\\d{1,3}\\.){3}\\d{1,3}|([0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F:]{1,20}')],
  ['iban', matches('[A-Z]{2}\\d{2} ?([A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}')],
  ['phone', matches('(\\+|00)?\\(?\\d{1,5}\\)?([ ./-]\\(?\\d{2,6}\\)?){1,5}|\\+\\d{7,15}')],
]

function matches(pattern: string): string {
  return `regexp_full_match(t, ${literal(pattern)})`
}

/** One row for each column and shape: how often, how many different, how long. `relation` has text columns only. */
export const shapeStatistics = (relation: string, columns: readonly string[]): string => `
  WITH wide AS (SELECT ${columns.map(identifier).join(', ')} FROM ${relation}),
  long AS (UNPIVOT wide ON COLUMNS(*) INTO NAME c VALUE v),
  each AS (SELECT c, v, trim(v) AS t, count(*) AS n FROM long GROUP BY c, v),
  shaped AS (SELECT c, v, n, length(t) AS len, CASE WHEN t = '' THEN 'blank' ${tests
    .map(([shape, test]) => `WHEN ${test} THEN '${shape}'`)
    .join(' ')} ELSE 'text' END AS s,
    len - length(replace(t, ' ', '')) + 1 AS words, regexp_full_match(t, '[A-Z]{2}') AS pair FROM each)
  SELECT c, s, sum(n)::BIGINT AS n, count(*) AS d, min(len) AS shortest, max(len) AS longest,
    sum(n * len)::DOUBLE AS letters, sum(n * words)::DOUBLE AS words, sum(n) FILTER (pair)::BIGINT AS pairs, min(v) AS example
  FROM shaped GROUP BY c, s ORDER BY c, s`

export interface ShapeCount {
  n: number
  distinct: number
  longest: number
  letters: number
  words: number
  pairs: number
  example: string
}

/** What the values of one column look like, by shape. */
export class ColumnShapes {
  readonly byShape = new Map<Shape, ShapeCount>()

  static read(rows: readonly (readonly unknown[])[]): Map<string, ColumnShapes> {
    const columns = new Map<string, ColumnShapes>()
    for (const [column, shape, n, distinct, , longest, letters, words, pairs, example] of rows) {
      const of = columns.get(String(column)) ?? new ColumnShapes()
      columns.set(String(column), of)
      of.byShape.set(shape as Shape, {
        n: Number(n),
        distinct: Number(distinct),
        longest: Number(longest),
        letters: Number(letters),
        words: Number(words),
        pairs: Number(pairs ?? 0),
        example: String(example).slice(0, 80),
      })
    }
    return columns
  }

  count(...which: Shape[]): number {
    return which.reduce((sum, shape) => sum + (this.byShape.get(shape)?.n ?? 0), 0)
  }

  total(what: 'n' | 'distinct' | 'letters' | 'words' | 'pairs', ...except: Shape[]): number {
    let sum = 0
    for (const [shape, count] of this.byShape) if (!except.includes(shape)) sum += count[what]
    return sum
  }

  /** An example that is none of these. */
  other(...which: Shape[]): string | null {
    for (const [shape, count] of this.byShape) if (!which.includes(shape)) return count.example
    return null
  }
}
