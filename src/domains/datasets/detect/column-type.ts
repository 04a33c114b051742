import type { ColumnType } from '../../../ports/tables/tables.ts'
import type { ColumnShapes, Shape } from './shapes.ts'

/** How the text of a column becomes a value. */
export interface Reading {
  type: ColumnType
  /** Words of this column that mean missing, beside nothing. */
  missing: 'words' | 'none'
  decimalComma: boolean
  thousands: boolean
  /** For datetime: one of ours, or null for ISO. */
  date: DateOrder | null
}
export type DateOrder = 'dmy_dot' | 'dmy_slash' | 'mdy_slash' | 'ymd_slash'

export interface TypeDecision {
  reading: Reading
  notes: string[]
}

const numbers: Shape[] = ['int', 'dec']
const dates: Shape[] = ['iso', 'dmy', 'slash', 'slash_dmy', 'slash_mdy', 'ymd']
const none: Shape[] = ['blank', 'na']

/** Chooses a column's type from what its values look like. Errs to the side of text, which loses nothing. */
export function decideType(name: string, shapes: ColumnShapes | undefined, decimalComma: boolean): TypeDecision {
  const plain = (type: ColumnType): Reading => ({ type, missing: 'words', decimalComma: false, thousands: false, date: null })
  const values = shapes ? shapes.total('n', ...none) : 0
  if (!shapes || values === 0) return { reading: plain('category'), notes: [`Column "${name}" holds no value at all.`] }
  const all = (...which: Shape[]) => shapes.count(...which) === values

  if (all('int')) return { reading: plain(looksLikeIdentifier(name, shapes) ? 'id' : 'integer'), notes: [] }
  if (all('int', 'zeros')) {
    const codes = `Column "${name}" holds digits with leading zeros (such as ${shapes.byShape.get('zeros')?.example}): read as codes, not as numbers.`
    return { reading: strings(name, shapes), notes: [codes] }
  }
  if (all(...numbers)) return { reading: plain('number'), notes: [] }
  if (decimalComma && all('int', 'dec', 'comma', 'comma3', 'euro'))
    return { reading: { ...plain('number'), decimalComma: true }, notes: [`Column "${name}": the comma is the decimal sign.`] }
  if (
    !decimalComma &&
    all('int', 'dec', 'comma3', 'thousands') &&
    (shapes.count('thousands', 'dec') > 0 || shapes.count('comma3') > 1)
  )
    return {
      reading: { ...plain('number'), thousands: true },
      notes: [
        `Column "${name}": the comma separates thousands (such as ${(shapes.byShape.get('thousands') ?? shapes.byShape.get('comma3'))?.example}).`,
      ],
    }
  if (all('bool')) return { reading: plain('boolean'), notes: [] }
  if (all(...dates)) return datetime(name, shapes)

  const notes: string[] = []
  const numeric = shapes.count(...numbers) / values
  if (numeric >= 0.9 && values >= 10)
    notes.push(
      `Column "${name}" is ${percent(numeric)} numbers but also holds "${shapes.other(...numbers, ...none)}": read as a category. ` +
        'Name such words as missing values, or set the type to number to see each of them refused with its row.',
    )
  else if (shapes.count(...dates) / values >= 0.9 && values >= 10)
    notes.push(
      `Column "${name}" is mostly dates but also holds "${shapes.other(...dates, ...none)}": read as a category. Set its type to datetime to see the rows that are not dates.`,
    )
  return { reading: strings(name, shapes), notes }
}

const percent = (share: number) => `${(100 * share).toFixed(share > 0.995 && share < 1 ? 2 : 0)} %`

function datetime(name: string, shapes: ColumnShapes): TypeDecision {
  const reading = (date: DateOrder | null): Reading => ({
    type: 'datetime',
    missing: 'words',
    decimalComma: false,
    thousands: false,
    date,
  })
  const kinds = [...shapes.byShape.keys()].filter((shape) => dates.includes(shape))
  if (kinds.every((kind) => kind === 'iso')) return { reading: reading(null), notes: [] }
  if (kinds.every((kind) => kind === 'dmy'))
    return {
      reading: reading('dmy_dot'),
      notes: [`Column "${name}": dates are day.month.year (such as ${shapes.byShape.get('dmy')?.example}).`],
    }
  if (kinds.every((kind) => kind === 'ymd')) return { reading: reading('ymd_slash'), notes: [] }
  if (kinds.every((kind) => kind.startsWith('slash')) && !(kinds.includes('slash_dmy') && kinds.includes('slash_mdy'))) {
    const order = kinds.includes('slash_dmy') ? 'dmy_slash' : 'mdy_slash'
    const sure = kinds.includes('slash_dmy') || kinds.includes('slash_mdy')
    const words = order === 'dmy_slash' ? 'day/month/year' : 'month/day/year'
    const example = shapes.byShape.get(sure ? (order === 'dmy_slash' ? 'slash_dmy' : 'slash_mdy') : 'slash')?.example
    return {
      reading: reading(order),
      notes: [
        sure
          ? `Column "${name}": dates are ${words}, because of ${example}.`
          : `Column "${name}": dates such as ${example} could be month/day or day/month; they are read as month/day/year. Set the date format to %d/%m/%Y if that is wrong.`,
      ],
    }
  }
  return {
    reading: strings(name, shapes),
    notes: [`Column "${name}" mixes ways to write a date: read as a category. Name its date format if there is one.`],
  }
}

/** category, text or id. */
function strings(name: string, shapes: ColumnShapes): Reading {
  const values = shapes.total('n', ...none)
  const distinct = shapes.total('distinct', ...none)
  const letters = shapes.total('letters', ...none) / values
  const words = shapes.total('words', ...none) / values
  // Two-letter codes: NA may be Namibia.
  const missing = shapes.total('pairs', ...none) === values ? 'none' : 'words'
  const reading = (type: ColumnType): Reading => ({ type, missing, decimalComma: false, thousands: false, date: null })
  if (looksLikeIdentifier(name, shapes)) return reading('id')
  if (
    letters > 60 ||
    (words > 4 && distinct > 0.3 * values) ||
    (words > 2.5 && letters > 20 && distinct > 0.5 * values && distinct > 50)
  )
    return reading('text')
  return reading('category')
}

const identifierName =
  /(^|[_\s.-])(id|ids|uuid|guid|oid|rowid|index|idx|nr|no|ssn|iban)$|(^|[a-z])(Id|ID|Uuid|Guid|Nr)$|^(unnamed: 0|row|rownames?|row_names|rowid|customerid|userid|passengerid)$|(number|nummer)$/i

/** All different, and named or shaped like a key. */
export function looksLikeIdentifier(name: string, shapes: ColumnShapes): boolean {
  const values = shapes.total('n', ...none)
  const distinct = shapes.total('distinct', ...none)
  if (values < 10 || distinct < values) return false
  if (identifierName.test(name)) return true
  // Unique text without spaces, with digits in it: a code. Unique numbers without such a name are measurements.
  if (shapes.count('int', 'dec') > 0) return false
  const words = shapes.total('words', ...none) / values
  const letters = shapes.total('letters', ...none) / values
  return values >= 50 && words === 1 && letters >= 6 && letters <= 64
}
