/** How a delimited text is written. */
export interface Dialect {
  delimiter: string
  quote: string
  /** Share of the sampled records that have the usual number of fields. */
  consistency: number
  fields: number
  records: string[][]
}

// Where several fit equally well, the rarer in ordinary text comes first: "1,5;2,5" is two numbers, not three.
const candidates = ['\t', ';', '|', ','] as const

/** Finds the delimiter by which most records have the same number of fields, more than one. */
export function findDialect(text: string, given: { delimiter?: string; quote?: string } = {}): Dialect {
  const quote = given.quote ?? '"'
  const tried = (given.delimiter ? [given.delimiter] : candidates).map((delimiter) => tryDialect(text, delimiter, quote))
  const several = tried.filter((dialect) => dialect.fields > 1)
  if (several.length === 0) return given.delimiter ? tried[0]! : tryDialect(text, ',', quote)
  return several.reduce((best, next) => (next.consistency > best.consistency + 0.001 ? next : best))
}

function tryDialect(text: string, delimiter: string, quote: string): Dialect {
  const records = parseRecords(text, { delimiter, quote, most: 300 })
  const counts = new Map<number, number>()
  for (const record of records) counts.set(record.length, (counts.get(record.length) ?? 0) + 1)
  const [fields, times] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0] ?? [1, 0]
  return { delimiter, quote, fields, consistency: records.length ? times / records.length : 0, records }
}

/** Records of RFC 4180 text: quoted fields may hold delimiters and line ends, a doubled quote is a quote. Empty lines are passed over. */
export function parseRecords(
  text: string,
  { delimiter, quote, most }: { delimiter: string; quote: string; most: number },
): string[][] {
  const records: string[][] = []
  let record: string[] = []
  let field = ''
  let quoted = false
  let fresh = true
  const endRecord = () => {
    record.push(field)
    if (record.length > 1 || field !== '') records.push(record)
    record = []
    field = ''
    fresh = true
  }
  for (let at = 0; at < text.length && records.length < most; at++) {
    const char = text[at]!
    if (quoted) {
      if (char !== quote) field += char
      else if (text[at + 1] === quote) field += text[++at]
      else quoted = false
    } else if (fresh && quote !== '' && char === quote) {
      quoted = true
      fresh = false
    } else if (text.startsWith(delimiter, at)) {
      record.push(field)
      field = ''
      fresh = true
      at += delimiter.length - 1
    } else if (char === '\n' || char === '\r') {
      if (char === '\r' && text[at + 1] === '\n') at++
      endRecord()
    } else {
      field += char
      fresh = false
    }
  }
  if (records.length < most && (field !== '' || record.length > 0) && !quoted) endRecord()
  return records
}
