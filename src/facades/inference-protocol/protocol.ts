import type { Protocol } from '../../kernel/route.ts'

/** The Open Inference Protocol, version 2: a refusal is `{ "error": "…" }`. */
export const openInference: Protocol = {
  name: 'Open Inference Protocol V2',
  refuse: ({ message }) => ({ headers: { 'content-type': 'application/json' }, body: { error: message } }),
}

/** What we speak beyond the protocol itself, by Triton's names. */
export const extensions: readonly string[] = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'statistics',
]
