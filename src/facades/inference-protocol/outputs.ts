import { type AnswerField, fieldOf } from '../../domains/endpoints/contract/answer-fields.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { fixedTypes } from './datatypes.ts'
import type { InferRequest } from './request.ts'

/** Also there on request, not unless asked for: what names each prediction for its truth. */
export const idField: AnswerField = { name: 'id', kind: 'text' }

/** The datatype and the shape (without rows) in which a field is answered; what has no shape is JSON in BYTES. */
export function tensorOf({ kind, width }: AnswerField): { datatype: string; shape: number[] } {
  switch (kind) {
    case 'number':
      return { datatype: 'FP32', shape: [1] }
    case 'integer':
      return { datatype: 'INT64', shape: [1] }
    case 'boolean':
      return { datatype: 'BOOL', shape: [1] }
    case 'numbers':
    case 'by class':
      return { datatype: 'FP32', shape: [width!] }
    default:
      return { datatype: 'BYTES', shape: [1] }
  }
}

export interface OutputTensor {
  name: string
  datatype: string
  shape: number[]
  values: (number | boolean | string)[]
  isBinary: boolean
}

type Prediction = Record<string, unknown>

/** The outputs that were asked for (all where none was), as tensors of all rows. */
export function outputTensors(
  fields: readonly AnswerField[],
  predictions: readonly Prediction[],
  { outputs, parameters }: InferRequest,
): OutputTensor[] {
  const usual = parameters?.binary_data_output === true
  if (!outputs || outputs.length === 0) return fields.map((field) => tensorOfField(field, predictions, usual))
  return outputs.map(({ name, parameters: own = {} }) => {
    const field = [...fields, idField].find((one) => one.name === name)
    if (!field)
      throw invalidInput(
        `The model has no output "${name.slice(0, 80)}". It has: ${fields.map((one) => one.name).join(', ')}, id.`,
        { field: 'outputs' },
      )
    if (own.shared_memory_region !== undefined)
      throw invalidInput(`The output "${name}" cannot be put into shared memory here.`, { field: 'outputs' })
    const isBinary = own.binary_data === undefined ? usual : own.binary_data === true
    if (own.classification !== undefined) return classification(field, predictions, { most: own.classification, isBinary })
    return tensorOfField(field, predictions, isBinary)
  })
}

function tensorOfField(field: AnswerField, predictions: readonly Prediction[], isBinary: boolean): OutputTensor {
  const { datatype, shape } = tensorOf(field)
  const values = predictions.flatMap((prediction) => valuesOf(field, fieldOf(prediction, field.name)))
  return { name: field.name, datatype, shape: [predictions.length, ...shape], values, isBinary }
}

function valuesOf({ kind, words }: AnswerField, value: unknown): (number | boolean | string)[] {
  if (kind === 'by class') return words!.map((word) => (value as Record<string, number>)[word]!)
  if (kind === 'numbers') return value as number[]
  if (kind === 'structure') return [JSON.stringify(value ?? null)]
  return [(value ?? '') as number | boolean | string]
}

/** The likeliest classes as `value:index:label`, as Triton's classification extension has it. */
function classification(
  field: AnswerField,
  predictions: readonly Prediction[],
  { most, isBinary }: { most: unknown; isBinary: boolean },
): OutputTensor {
  const { words } = field
  if (field.kind !== 'by class' || !words)
    throw invalidInput(`The output "${field.name}" has no classes to choose from.`, { field: 'outputs' })
  if (typeof most !== 'number' || !Number.isInteger(most) || most < 1)
    throw invalidInput('"classification" must be a whole number from 1 on.', { field: 'outputs' })
  const count = Math.min(most, words.length)
  const values = predictions.flatMap((prediction) => {
    const scores = valuesOf(field, fieldOf(prediction, field.name)) as number[]
    const order = scores.map((_, k) => k).sort((a, b) => scores[b]! - scores[a]! || a - b)
    return order.slice(0, count).map((k) => `${scores[k]}:${k}:${words[k]}`)
  })
  return { name: field.name, datatype: 'BYTES', shape: [predictions.length, count], values, isBinary }
}

/** A tensor's bytes as the binary extension has them. */
export function bytesOf({ datatype, values }: OutputTensor): Uint8Array {
  const type = fixedTypes[datatype]
  if (!type) return lengthPrefixed(values as string[])
  const view = new DataView(new ArrayBuffer(values.length * type.bytes))
  for (let i = 0; i < values.length; i++) type.write(view, i * type.bytes, Number(values[i]))
  return new Uint8Array(view.buffer)
}

function lengthPrefixed(values: readonly string[]): Uint8Array {
  const pieces = values.flatMap((value) => {
    const text = Buffer.from(value)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(text.length)
    return [length, text]
  })
  return Buffer.concat(pieces)
}
