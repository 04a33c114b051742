import type { Rules } from './rules.ts'

/**
 * A character of a JSON text; half of a surrogate pair is none, since no UTF-8 can hold it. Said by what it is, not by what it is not: of a character
 * whose bytes are not all there yet, llama.cpp believes that it may still be one of these.
 */
const character = (rules: Rules): string =>
  rules.shared(
    'char',
    '[ !#-\\[\\]-~\\u0080-\\uD7FF\\uE000-\\U0010FFFF] | "\\\\" (["\\\\/bfnrt] | "u" ([0-9A-Ca-cE-Fe-f] [0-9A-Fa-f]{3} | [Dd] [0-7] [0-9A-Fa-f]{2}))',
  )

/** A text of so many characters. Escapes count as the one that they stand for. */
export function textRule(rules: Rules, least = 0, most: number | null = null): string {
  const char = character(rules)
  if (least === 0 && most === null) return rules.shared('string', `"\\"" ${char}* "\\""`)
  return rules.add(`"\\"" ${rules.repeat(char, least, most)} "\\""`)
}

export const integerRule = (rules: Rules): string => rules.shared('integer', '"-"? ("0" | [1-9] [0-9]{0,14})')

/** A number that every reader of JSON can hold. */
export const numberRule = (rules: Rules): string =>
  rules.shared('number', `${integerRule(rules)} ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?`)

export const booleanRule = (rules: Rules): string => rules.shared('boolean', '"true" | "false"')
export const nullRule = (rules: Rules): string => rules.shared('null', '"null"')

/** Any JSON value. */
export function anyRule(rules: Rules): string {
  if (rules.has('any')) return 'any'
  rules.shared('any', 'ws')
  const [object, array] = [objectRule(rules), arrayRule(rules)]
  rules.set('any', [object, array, textRule(rules), numberRule(rules), booleanRule(rules), nullRule(rules)].join(' | '))
  return 'any'
}

/** Any JSON object. */
export function objectRule(rules: Rules): string {
  if (rules.has('object')) return 'object'
  rules.shared('object', 'ws')
  rules.set('object', mapBody(rules, anyRule(rules), 0, null))
  return 'object'
}

function arrayRule(rules: Rules): string {
  return rules.shared('array', `"[" (any ("," ws any)*)? "]"`)
}

/** An object of any names, whose values follow one rule. */
export function mapBody(rules: Rules, value: string, least: number, most: number | null): string {
  const pair = rules.add(`${textRule(rules)} ":" ws ${value}`)
  return `"{" ${listBody(rules, pair, least, most)} "}"`
}

/** Parts with commas between them. */
export function listBody(rules: Rules, part: string, least: number, most: number | null): string {
  if (most === 0) return ''
  const more = rules.repeat(`("," ws ${part})`, Math.max(0, least - 1), most === null ? null : most - 1)
  return least === 0 ? `(${part} ${more})?` : `${part} ${more}`
}

const date =
  '[0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]) | ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8]))'
const time =
  '([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,6})? ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])'
const byte = '("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9])'
const label = '[a-z0-9] ([a-z0-9-]{0,20} [a-z0-9])?'

/** Texts of known forms (JSON Schema's `format`); some that the form would take are never written. */
export const formats: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date} "T" ${time}`,
  uuid: '[0-9a-f]{8} "-" [0-9a-f]{4} "-" [1-5] [0-9a-f]{3} "-" [89ab] [0-9a-f]{3} "-" [0-9a-f]{12}',
  ipv4: `${byte} ("." ${byte}){3}`,
  hostname: `${label} ("." ${label}){0,3}`,
  email: `[a-z0-9] [a-z0-9_+-]{0,30} ("." [a-z0-9]{1,20}){0,2} "@" (${label} "."){1,3} [a-z]{2,10}`,
}
