import { followed, type JsonSchema } from './json-schema.ts'

/** Whether no value can fit two of these schemas, as far as their types and constant properties say. */
export function provablyDisjoint(schemas: readonly unknown[], root: unknown): boolean {
  if (schemas.length > 200) return false
  const plain = schemas.map((schema) => resolved(schema, root))
  return plain.every((a, i) => plain.slice(i + 1).every((b) => apart(a, b, root)))
}

function apart(a: JsonSchema | null, b: JsonSchema | null, root: unknown): boolean {
  if (!a || !b) return false
  const [constantsA, constantsB] = [constantsOf(a), constantsOf(b)]
  if (constantsA && constantsB) return constantsA.every((value) => !constantsB.includes(value))
  const [typesA, typesB] = [typesOf(a), typesOf(b)]
  if (typesA && typesB && typesA.every((type) => !typesB.includes(type))) return true
  // Both must have the property, and it says which of them it is.
  const [propertiesA, propertiesB] = [propertiesOf(a), propertiesOf(b)]
  return [...propertiesA].some(([name, one]) => {
    const other = propertiesB.get(name)
    const [valuesA, valuesB] = [constantsOf(resolved(one, root)), constantsOf(resolved(other, root))]
    return Boolean(valuesA && valuesB && valuesA.every((value) => !valuesB.includes(value)))
  })
}

function resolved(schema: unknown, root: unknown): JsonSchema | null {
  let at = schema
  for (let hops = 0; hops < 8; hops++) {
    if (at === null || typeof at !== 'object' || Array.isArray(at)) return null
    const { $ref } = at as JsonSchema
    if (typeof $ref !== 'string') return at as JsonSchema
    at = followed(root, $ref)
  }
  return null
}

function constantsOf(schema: JsonSchema | null): string[] | null {
  if (!schema) return null
  if ('const' in schema) return [JSON.stringify(schema.const)]
  return Array.isArray(schema.enum) ? schema.enum.map((value) => JSON.stringify(value)) : null
}

function typesOf({ type, properties }: JsonSchema): string[] | null {
  const types = type === undefined ? (properties ? ['object'] : null) : [type].flat().map(String)
  // A whole number is a number.
  return types === null ? null : types.map((one) => (one === 'integer' ? 'number' : one))
}

function propertiesOf({ properties, required }: JsonSchema): Map<string, unknown> {
  if (properties === null || typeof properties !== 'object' || !Array.isArray(required)) return new Map()
  return new Map(Object.entries(properties).filter(([name]) => required.includes(name)))
}
