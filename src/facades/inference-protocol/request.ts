import { invalidInput } from '../../kernel/errors.ts'

type Parameters = Record<string, unknown>

export interface InferInput {
  name: string
  shape: number[]
  datatype: string
  parameters?: Parameters
  data?: unknown
}

/** The JSON of a request, before its tensors are read. */
export interface InferRequest {
  id?: string
  parameters?: Parameters
  inputs: InferInput[]
  outputs?: { name: string; parameters?: Parameters }[]
}

const mostTensors = 2000
const mostName = 500

/** A request as the protocol has it, or why it is none. Fields that are not known are left aside. Without a library, since exported models have none. */
export function checkRequest(value: unknown): InferRequest {
  const { id, parameters, inputs, outputs } = objectAt(value, 'the body')
  if (id !== undefined && (typeof id !== 'string' || id.length > mostName))
    throw wrong('id', `a text of at most ${mostName} characters`)
  return {
    ...(id !== undefined && { id: id as string }),
    ...(parameters !== undefined && { parameters: objectAt(parameters, 'parameters') }),
    inputs: listAt(inputs, 'inputs', 1).map(inputAt),
    ...(outputs !== undefined && {
      outputs: listAt(outputs, 'outputs', 0).map((one, i) => namedAt(one, `outputs.${i}`)),
    }),
  }
}

function inputAt(value: unknown, i: number): InferInput {
  const at = `inputs.${i}`
  const { shape, datatype, data } = objectAt(value, at)
  if (!Array.isArray(shape) || shape.length > 32 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw wrong(`${at}.shape`, 'a list of whole numbers')
  if (typeof datatype !== 'string') throw wrong(`${at}.datatype`, 'a datatype of the protocol')
  return { ...namedAt(value, at), shape, datatype, ...(data !== undefined && { data }) }
}

function namedAt(value: unknown, at: string): { name: string; parameters?: Parameters } {
  const { name, parameters } = objectAt(value, at)
  if (typeof name !== 'string' || name === '' || name.length > mostName)
    throw wrong(`${at}.name`, `a name of at most ${mostName} characters`)
  return { name, ...(parameters !== undefined && { parameters: objectAt(parameters, `${at}.parameters`) }) }
}

function listAt(value: unknown, at: string, least: number): unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= mostTensors) return value
  throw wrong(at, `a list of ${least} to ${mostTensors} tensors`)
}

function objectAt(value: unknown, at: string): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw wrong(at, 'an object')
}

const wrong = (field: string, wanted: string) =>
  invalidInput(`The request is not one of the inference protocol: ${field} must be ${wanted}.`, { field })
