import type * as z from 'zod'
import type { SignatureInput as Input } from '../../registry/schema.ts'

type SignatureInput = z.infer<typeof Input>
type JsonSchema = Record<string, unknown>

/** Longer lists of what training saw say little and make a description unreadable. */
const mostShown = 200

/** The JSON Schema of one row: what is refused is not in it, what is only warned of is described. `key` is a field beside the columns. */
export function rowSchema(inputs: readonly SignatureInput[], key: string | null = null): JsonSchema {
  return {
    type: 'object',
    additionalProperties: false,
    required: inputs.filter(({ nullable }) => !nullable).map(({ name }) => name),
    properties: Object.fromEntries([
      ...(key === null ? [] : [[key, keySchema]]),
      ...inputs.map((input) => [input.name, columnSchema(input)]),
    ]),
  }
}

const keySchema: JsonSchema = {
  type: ['string', 'number', 'null'],
  description: 'What the row is about, for its truth later; the model is not given it.',
}

function columnSchema(input: SignatureInput): JsonSchema {
  if (input.tensor === 'image')
    return {
      type: 'string',
      contentEncoding: 'base64',
      contentMediaType: 'image/*',
      description: 'The bytes of a JPEG, PNG, WebP, GIF or TIFF as base64 or a data: URL.',
    }
  if (input.tensor === 'audio')
    return {
      type: 'string',
      contentEncoding: 'base64',
      contentMediaType: 'audio/wav',
      description: 'The bytes of a WAV file as base64 or a data: URL.',
    }
  if (input.tensor === 'values')
    return {
      ...(input.shape ?? []).reduceRight<JsonSchema>(
        (items, size) => ({ type: 'array', minItems: size, maxItems: size, items }),
        { type: 'number' },
      ),
      description: `Numbers of the shape [${(input.shape ?? []).join(', ')}] as nested lists; one flat list in row-major order is taken too.`,
    }
  const missing = input.nullable
    ? 'null or absent where the value is not known.'
    : input.required
      ? 'The model answers no row without it.'
      : 'Never missing in training: null is answered with a warning, absence refused.'
  return {
    ...valueSchema(input),
    description: [seen(input), missing].filter(Boolean).join(' '),
    ...(input.example != null && { examples: [input.example] }),
  }
}

const noValue = { type: 'null' }

function valueSchema(input: SignatureInput): JsonSchema {
  const { type, min, max } = input
  const range = { ...(min != null && { minimum: min }), ...(max != null && { maximum: max }) }
  // A range of training is not one of the contract, so it stands where no validator reads it.
  const trained = Object.keys(range).length > 0 && type !== 'datetime' ? { 'x-training-range': range } : {}
  if (type === 'boolean') return { anyOf: [{ type: 'boolean' }, { enum: [0, 1] }, noValue] }
  if (type === 'datetime') return { type: ['string', 'null'], format: 'date-time' }
  if (type === 'integer') return { type: ['integer', 'null'], ...trained }
  if (input.tensor === 'numbers') return { type: ['number', 'null'], ...trained }
  const words = input.categories ?? []
  if (type === 'text' || words.length === 0) return { type: ['string', 'null'] }
  return {
    anyOf: [
      { type: 'string', enum: words.slice(0, mostShown), description: 'seen in training' },
      ...(input.closed ? [] : [{ type: 'string', description: 'any other: answered, with a warning' }]),
      noValue,
    ],
  }
}

function seen({ type, min, max, categories, categoriesTruncated }: SignatureInput): string {
  if (type === 'text') return ''
  if (min != null && max != null) {
    const show = (bound: number) => (type === 'datetime' ? new Date(bound).toISOString() : String(bound))
    return `Training saw ${show(min)} to ${show(max)}; others are answered with a warning.`
  }
  if (categories && (categoriesTruncated || categories.length > mostShown)) return 'Training saw more values than are listed.'
  return ''
}
