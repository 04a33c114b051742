import { answerFields } from '../../domains/endpoints/contract/answer-fields.ts'
import type { Endpoint } from '../../domains/endpoints/schema.ts'
import type { ModelSignature, SignatureColumn } from '../../ports/inference/signature.ts'
import { tensorOf } from './outputs.ts'
import type { ModelMetadata } from './schema.ts'

interface TensorAbout {
  name: string
  datatype: string
  /** After the rows. */
  shape: number[]
}

/** How a client sends a column: other datatypes of numbers are taken too. */
function inputTensor({ name, type, tensor, shape }: SignatureColumn): TensorAbout {
  if (tensor === 'values') return { name, datatype: 'FP64', shape: shape ?? [] }
  if (type === 'boolean') return { name, datatype: 'BOOL', shape: [1] }
  if (type === 'integer') return { name, datatype: 'INT64', shape: [1] }
  if (tensor === 'numbers' && type !== 'datetime') return { name, datatype: 'FP64', shape: [1] }
  return { name, datatype: 'BYTES', shape: [1] }
}

const inputsOf = ({ inputs }: Pick<ModelSignature, 'inputs'>): TensorAbout[] => inputs.map(inputTensor)
const outputsOf = (signature: ModelSignature): TensorAbout[] =>
  answerFields(signature).map((field) => ({ name: field.name, ...tensorOf(field) }))

const platforms: Record<Endpoint['served'], string> = {
  onnx: 'onnxruntime_onnx',
  python: 'atoll_python',
  gguf: 'llama_cpp_gguf',
  pipeline: 'atoll_pipeline',
  external: 'atoll_external',
}

/** What the protocol wants to know of a model. */
export const metadataOf = ({ name, variants, served, signature, id }: Endpoint): ModelMetadata => ({
  ...metadataOfSignature({ name, served, signature }),
  versions: [...new Set(variants.map(({ versionNumber }) => String(versionNumber)))],
  parameters: { task: signature.task, endpoint: id },
})

export function metadataOfSignature({
  name,
  version,
  served,
  signature,
}: {
  name: string
  version?: string
  served: Endpoint['served']
  signature: ModelSignature
}): ModelMetadata {
  const withRows = ({ shape, ...one }: TensorAbout) => ({ ...one, shape: [-1, ...shape] })
  return {
    name,
    versions: version === undefined ? [] : [version],
    platform: platforms[served],
    inputs: inputsOf(signature).map(withRows),
    outputs: outputsOf(signature).map(withRows),
    parameters: { task: signature.task },
  }
}

/** The same in the words of Triton's model configuration. */
export function configOf(endpoint: Endpoint, maxBatchSize: number): Record<string, unknown> {
  const { name, served, signature } = endpoint
  const typed = ({ name: tensor, datatype, shape }: TensorAbout) => ({
    name: tensor,
    data_type: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`,
    dims: shape,
  })
  return {
    name,
    platform: platforms[served],
    backend: served === 'onnx' ? 'onnxruntime' : served,
    max_batch_size: maxBatchSize,
    input: inputsOf(signature).map(typed),
    output: outputsOf(signature).map(typed),
  }
}
