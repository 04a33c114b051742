import { invalidInput } from '../../../kernel/errors.ts'
import { provablyDisjoint } from './disjoint.ts'
import { type Bounds, decimalBetween, mostWhole, wholeBetween } from './ranges.ts'
import { literal, Rules } from './rules.ts'
import {
  anyRule,
  booleanRule,
  formats,
  integerRule,
  listBody,
  mapBody,
  nullRule,
  numberRule,
  objectRule,
  textRule,
} from './values.ts'

export type JsonSchema = Record<string, unknown>

const mostLength = 1_000
const mostDepth = 48
/** Say something to people, and nothing about the value. */
const annotations = new Set(
  '$schema $id $comment $defs definitions title description default examples example deprecated readOnly writeOnly discriminator nullable'.split(
    ' ',
  ),
)

/** The grammar of all JSON texts that a schema takes, or of some of them: what is written is always valid. What a grammar cannot hold is refused by its place. */
export function schemaGrammar(schema: unknown, field: string): string {
  const rules = new Rules(field)
  return rules.text(schemaRules(rules, schema, field))
}

/** The grammar of any JSON object. */
export function objectGrammar(field: string): string {
  const rules = new Rules(field)
  return rules.text(objectRule(rules))
}

/** Adds the rules of a schema to others; answers the name of the one to begin with. */
export function schemaRules(rules: Rules, root: unknown, field: string): string {
  const named = new Map<string, string>()

  function refuse(place: string, why: string): never {
    throw invalidInput(`The schema cannot be held to while writing: at "${place}" ${why}.`, { field: place })
  }

  /** `through`: references that led here without a value being opened between them. */
  function visit(schema: unknown, place: string, depth: number, through: readonly string[]): string {
    if (depth > mostDepth) return refuse(field, `it is nested more than ${mostDepth} levels deep`)
    if (schema === true) return anyRule(rules)
    if (schema === null || typeof schema !== 'object' || Array.isArray(schema))
      return refuse(place, schema === false ? 'nothing is allowed' : 'there is no schema')
    const own = schema as JsonSchema
    const keys = Object.keys(own).filter((key) => !annotations.has(key) && own[key] !== undefined)
    const alone = (key: string, ...beside: string[]) => {
      const other = keys.find((one) => one !== key && !beside.includes(one))
      if (other !== undefined) refuse(place, `"${other}" beside "${key}" is not understood`)
    }
    const inner = (part: unknown, name: string) => visit(part, `${place}.${name}`, depth + 1, [])
    if (own.nullable === true) {
      const { nullable: _, ...rest } = own
      return rules.add(`${visit(rest, place, depth + 1, through)} | ${nullRule(rules)}`)
    }
    if ('$ref' in own) {
      alone('$ref')
      return reference(own.$ref, place, depth, through)
    }
    if ('const' in own || 'enum' in own) {
      alone('const' in own ? 'const' : 'enum', 'type')
      return chosen('const' in own ? [own.const] : own.enum, own.type, place)
    }
    for (const key of ['anyOf', 'oneOf'] as const) {
      const choices = own[key]
      if (choices === undefined) continue
      alone(key, 'type')
      if (!Array.isArray(choices) || choices.length === 0) return refuse(place, `"${key}" is no list of schemas`)
      if (key === 'oneOf' && !provablyDisjoint(choices, root))
        refuse(place, '"oneOf" has choices that may both be true of a value; use "anyOf"')
      return rules.add(choices.map((one, i) => visit(one, `${place}.${key}.${i}`, depth + 1, through)).join(' | '))
    }
    if ('allOf' in own) {
      alone('allOf')
      if (!Array.isArray(own.allOf) || own.allOf.length !== 1)
        return refuse(place, '"allOf" of several schemas is not understood')
      return visit(own.allOf[0], `${place}.allOf.0`, depth + 1, through)
    }
    const types = Array.isArray(own.type) ? own.type : [own.type ?? typeOfKeys(keys)]
    if (types.length === 0) return refuse(place, '"type" is an empty list')
    if (own.type === undefined && types[0] === 'any')
      return keys.length === 0 ? anyRule(rules) : refuse(place, `"${keys[0]!.slice(0, 60)}" is not understood`)
    const known = types.flatMap((type) =>
      typeof type === 'string' && Object.hasOwn(keysOf, type)
        ? keysOf[type]!
        : refuse(place, `the type ${JSON.stringify(type)?.slice(0, 60)} is not known`),
    )
    const strange = keys.find((key) => key !== 'type' && !known.includes(key))
    if (strange !== undefined) refuse(place, `"${strange.slice(0, 60)}" is not understood`)
    const made = types.map((type) => ofType(String(type), own, place, inner))
    return made.length === 1 ? made[0]! : rules.add(made.join(' | '))
  }

  function reference(ref: unknown, place: string, depth: number, through: readonly string[]): string {
    if (typeof ref !== 'string' || !ref.startsWith('#')) return refuse(place, 'a reference leads out of the schema')
    if (through.includes(ref)) return refuse(place, 'a reference leads to itself with nothing between')
    const before = named.get(ref)
    if (before !== undefined) return before
    const target = followed(root, ref)
    if (target === undefined) return refuse(place, `there is nothing under ${JSON.stringify(ref.slice(0, 100))}`)
    const name = rules.reserve()
    named.set(ref, name)
    rules.set(
      name,
      visit(target, `${field}${ref === '#' ? '' : ref.slice(1).replaceAll('/', '.')}`, depth + 1, [...through, ref]),
    )
    return name
  }

  function chosen(values: unknown, type: unknown, place: string): string {
    if (!Array.isArray(values) || values.length === 0) return refuse(place, '"enum" is no list of values')
    const types = type === undefined ? null : [type].flat()
    const fitting = types ? values.filter((value) => types.some((one) => isOf(value, String(one)))) : values
    if (fitting.length === 0) return refuse(place, 'no value of "enum" is of its type')
    return rules.add([...new Set(fitting.map((value) => literal(JSON.stringify(value))))].join(' | '))
  }

  function ofType(type: string, own: JsonSchema, place: string, inner: (part: unknown, name: string) => string): string {
    const count = (key: string, most = mostLength): number | null => {
      const value = own[key]
      if (value === undefined) return null
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return refuse(place, `"${key}" is no whole number`)
      return value <= most ? value : refuse(place, `"${key}" is above ${most}, which cannot be counted`)
    }
    const ordered = (least: number, most: number | null, what: string) =>
      most !== null && most < least ? refuse(place, `the least of ${what} is above the most`) : undefined
    switch (type) {
      case 'null':
        return nullRule(rules)
      case 'boolean':
        return booleanRule(rules)
      case 'string': {
        if (own.format !== undefined) {
          const form = typeof own.format === 'string' && Object.hasOwn(formats, own.format) ? formats[own.format] : undefined
          if (!form)
            return refuse(place, `the format ${JSON.stringify(own.format)} is not among ${Object.keys(formats).join(', ')}`)
          if (own.minLength !== undefined || own.maxLength !== undefined)
            refuse(place, 'a length beside "format" is not understood')
          return rules.add(`"\\"" ${rules.shared(`format-${own.format}`, form)} "\\""`)
        }
        const [least, most] = [count('minLength') ?? 0, count('maxLength')]
        ordered(least, most, 'its length')
        return textRule(rules, least, most)
      }
      case 'integer':
      case 'number':
        return numeric(type, own, place)
      case 'array': {
        const [least, most] = [count('minItems') ?? 0, count('maxItems')]
        ordered(least, most, 'its items')
        if (own.uniqueItems === true) refuse(place, '"uniqueItems" cannot be held')
        const prefix = own.prefixItems ?? []
        if (!Array.isArray(prefix)) return refuse(place, '"prefixItems" is no list of schemas')
        if (prefix.length === 0) {
          if (own.items === false) return rules.add('"[]"')
          return rules.add(`"[" ${listBody(rules, inner(own.items ?? true, 'items'), least, most)} "]"`)
        }
        if (most !== null && most < prefix.length) return refuse(place, '"maxItems" is below the number of "prefixItems"')
        const first = prefix.map((one, i) => inner(one, `prefixItems.${i}`)).join(' "," ws ')
        const more = Math.max(0, least - prefix.length)
        if (more === 0 && (own.items === undefined || own.items === false)) return rules.add(`"[" ${first} "]"`)
        if (own.items === false) return refuse(place, '"minItems" asks for more items than there may be')
        const rest = rules.repeat(
          `("," ws ${inner(own.items ?? true, 'items')})`,
          more,
          most === null ? null : most - prefix.length,
        )
        return rules.add(`"[" ${first} ${rest} "]"`)
      }
      default:
        return object(own, place, inner, count)
    }
  }

  function numeric(type: 'integer' | 'number', own: JsonSchema, place: string): string {
    const bound = (key: string): number | null => {
      const value = own[key]
      if (value === undefined) return null
      if (typeof value !== 'number' || !Number.isFinite(value)) return refuse(place, `"${key}" is no number`)
      if (Math.abs(value) > mostWhole) return refuse(place, `"${key}" is too large to be counted`)
      return value
    }
    if (own.multipleOf !== undefined && !(type === 'integer' && own.multipleOf === 1))
      refuse(place, '"multipleOf" cannot be held')
    const [min, max, over, under] = [bound('minimum'), bound('maximum'), bound('exclusiveMinimum'), bound('exclusiveMaximum')]
    if (min === null && max === null && over === null && under === null)
      return type === 'integer' ? integerRule(rules) : numberRule(rules)
    if (type === 'integer') {
      const low = Math.max(min === null ? -mostWhole : Math.ceil(min), over === null ? -mostWhole : Math.floor(over) + 1)
      const high = Math.min(max === null ? mostWhole : Math.floor(max), under === null ? mostWhole : Math.ceil(under) - 1)
      if (low > high) return refuse(place, 'there is no whole number between its bounds')
      return rules.add(wholeBetween(low, high))
    }
    const lowOut = over !== null && (min === null || over >= min)
    const highOut = under !== null && (max === null || under <= max)
    const bounds: Bounds = {
      low: (lowOut ? over : min) ?? -mostWhole,
      high: (highOut ? under : max) ?? mostWhole,
      lowOut,
      highOut,
    }
    if (!Number.isInteger(bounds.low) || !Number.isInteger(bounds.high)) return refuse(place, 'bounds of a number must be whole')
    if (bounds.low > bounds.high || (bounds.low === bounds.high && (lowOut || highOut)))
      return refuse(place, 'there is no number between its bounds')
    return rules.add(decimalBetween(bounds))
  }

  /** The named properties in their order; those that are not required may be left out, others are not written. */
  function object(
    own: JsonSchema,
    place: string,
    inner: (part: unknown, name: string) => string,
    count: (key: string) => number | null,
  ): string {
    const properties = own.properties ?? {}
    if (properties === null || typeof properties !== 'object' || Array.isArray(properties))
      return refuse(place, '"properties" is no object')
    const required = own.required ?? []
    if (!Array.isArray(required) || required.some((name) => typeof name !== 'string'))
      return refuse(place, '"required" is no list of names')
    const named = Object.entries(properties as JsonSchema)
    const [least, most] = [count('minProperties') ?? 0, count('maxProperties')]
    const unnamed = required.filter((name: string) => !Object.hasOwn(properties, name))
    if (unnamed.length > 0 && own.additionalProperties === false)
      return refuse(place, `"${String(unnamed[0]).slice(0, 60)}" is required and not among the properties`)
    for (const name of unnamed) named.push([name, own.additionalProperties ?? true])
    if (named.length === 0) {
      if (own.additionalProperties === false) return rules.add('"{}"')
      if (least > 1) return refuse(place, '"minProperties" above 1 cannot be held')
      if (most !== null && most < least) return refuse(place, '"maxProperties" is below "minProperties"')
      return rules.add(mapBody(rules, inner(own.additionalProperties ?? true, 'additionalProperties'), least, most))
    }
    const isRequired = named.map(([name]) => required.includes(name))
    const certain = isRequired.filter(Boolean).length
    if (least > certain || (most !== null && most < named.length))
      return refuse(place, 'the number of properties cannot be held; say which are required')
    const pairs = named.map(([name, value]) =>
      rules.add(`${literal(`${JSON.stringify(name)}:`)} ws ${inner(value, `properties.${name}`)}`),
    )
    // From the last to the first: what follows a property, after a comma or as the first of all.
    let after = ''
    let first = ''
    for (let i = pairs.length - 1; i >= 0; i--) {
      const whole = rules.add(`${pairs[i]} ${after}`)
      first = isRequired[i] || first === '' ? (isRequired[i] ? whole : `${whole}?`) : rules.add(`${whole} | ${first}`)
      after = rules.add(isRequired[i] ? `"," ws ${whole}` : `("," ws ${whole}) | ${after === '' ? '""' : after}`)
    }
    return rules.add(`"{" ${first} "}"`)
  }

  return visit(root, field, 0, [])
}

const keysOf: Record<string, string[]> = {
  null: [],
  boolean: [],
  string: ['minLength', 'maxLength', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems'],
  object: ['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties'],
}

/** The type that a schema without one speaks of. */
function typeOfKeys(keys: readonly string[]): string {
  return Object.keys(keysOf).find((type) => keysOf[type]!.some((key) => keys.includes(key))) ?? 'any'
}

function isOf(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return value !== null && typeof value === 'object' && !Array.isArray(value)
  return typeof value === type
}

/** What a pointer within the schema leads to (RFC 6901). */
export function followed(root: unknown, ref: string): unknown {
  let at = root
  for (const part of ref.split('/').slice(1)) {
    const name = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, name)) return undefined
    at = (at as JsonSchema)[name]
  }
  return at
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
