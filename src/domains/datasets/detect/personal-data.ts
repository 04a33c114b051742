import type { ColumnType } from '../../../ports/tables/tables.ts'
import type { Column } from '../schema.ts'
import type { ColumnShapes, Shape } from './shapes.ts'

type PersonalData = NonNullable<Column['personalData']>

const byName: [PersonalData['kind'], RegExp, ColumnType[] | null, string][] = [
  ['email', /(^|[_\s-])e[-_ ]?mail/i, ['category', 'text', 'id'], 'its name speaks of e-mail'],
  [
    'phone',
    /(^|[_\s-])(phone|mobile|telefon|telephone|tel|handy|fax)([_\s-]?(no|nr|number|nummer))?$/i,
    ['category', 'text', 'id', 'integer'],
    'its name speaks of a telephone number',
  ],
  [
    'name',
    /(^|[_\s-])((first|last|middle|maiden|full|given|family|sur|fore|nick|user|customer|patient|client|employee|person|contact)[_\s-]?name|surname|vorname|nachname|name)$/i,
    ['category', 'text', 'id'],
    'its name speaks of a person',
  ],
  [
    'birth_date',
    /(^|[_\s-])(birth|dob|date[_\s-]?of[_\s-]?birth|geburt|geb[_\s-]?datum)/i,
    ['datetime', 'category', 'text'],
    'its name speaks of a birth date',
  ],
  [
    'address',
    /(^|[_\s-])(address|adresse|street|strasse|straße|house[_\s-]?n(o|r|umber)|zip([_\s-]?code)?|post(al)?[_\s-]?code|plz|postleitzahl)$/i,
    ['category', 'text', 'id', 'integer'],
    'its name speaks of an address',
  ],
  ['ip_address', /(^|[_\s-])ip([_\s-]?addr(ess)?)?$/i, ['category', 'text', 'id'], 'its name speaks of an IP address'],
  [
    'bank_account',
    /(^|[_\s-])(iban|bic|account[_\s-]?(no|nr|number)|kontonummer|card[_\s-]?number|credit[_\s-]?card)/i,
    ['category', 'text', 'id', 'integer'],
    'its name speaks of a bank account or card',
  ],
  [
    'identifier',
    /(^|[_\s-])(ssn|social[_\s-]?security|passport|national[_\s-]?id|tax[_\s-]?id|driver.?s?[_\s-]?licen[cs]e|insurance[_\s-]?(no|nr|number))/i,
    null,
    'its name speaks of an official number of a person',
  ],
]

const byShape: [PersonalData['kind'], Shape, string][] = [
  ['email', 'email', 'e-mail addresses'],
  ['ip_address', 'ip', 'IP addresses'],
  ['bank_account', 'iban', 'bank accounts (IBAN)'],
  ['phone', 'phone', 'telephone numbers'],
]

/** Whether a column may point to a person, and what makes it look so. A hint for people, not a proof. */
export function findPersonalData(name: string, type: ColumnType, shapes: ColumnShapes | undefined): Column['personalData'] {
  const values = shapes?.total('n', 'blank', 'na') ?? 0
  for (const [kind, shape, what] of byShape) {
    const share = values > 0 ? (shapes?.count(shape) ?? 0) / values : 0
    if (share >= 0.5) return { kind, why: `${Math.round(100 * share)} % of its values look like ${what}` }
  }
  // A name that repeats among few values is a label (a product's, a plan's), not a person's.
  const distinct = shapes?.total('distinct', 'blank', 'na') ?? 0
  const words = name.replaceAll(/([a-z])([A-Z])/g, '$1_$2')
  for (const [kind, pattern, types, why] of byName) {
    if (!pattern.test(words) || (types && !types.includes(type))) continue
    // Answers such as "yes" or "none" are about the thing, they do not hold it (own_telephone).
    if (kind !== 'identifier' && kind !== 'birth_date' && distinct <= Math.max(3, values * 0.02)) continue
    return { kind, why }
  }
  if (type === 'id') return { kind: 'identifier', why: 'it is different in every row, so it may point to a person' }
  return null
}
