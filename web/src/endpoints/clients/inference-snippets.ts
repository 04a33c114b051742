import type { Endpoint } from '@atoll/sdk'
import type { Language } from '../snippets.ts'

export interface AskedInTensors {
  origin: string
  endpoint: Endpoint
  row: Record<string, unknown>
}

type Input = Endpoint['signature']['inputs'][number]

interface Tensor {
  name: string
  shape: number[]
  datatype: string
  data: unknown[]
}

/** A request of this row as tensors, for clients of the Open Inference Protocol V2; it runs once a token is in ATOLL_TOKEN. */
export const inferenceSnippet = (language: Exclude<Language, 'cli'>, asked: AskedInTensors): string => writers[language](asked)

const writers: Record<Exclude<Language, 'cli'>, (asked: AskedInTensors) => string> = {
  curl: (asked) => `curl '${addressOf(asked)}' \\
  -H "authorization: Bearer $ATOLL_TOKEN" \\
  -d ${quoted(JSON.stringify({ inputs: tensorsOf(asked) }, null, 1))}`,

  typescript: (asked) => `const reply = await fetch('${addressOf(asked)}', {
  method: 'POST',
  headers: { authorization: \`Bearer \${process.env.ATOLL_TOKEN}\` },
  body: JSON.stringify({
    inputs: ${JSON.stringify(tensorsOf(asked), null, 2).replaceAll('\n', '\n    ')},
  }),
})
if (!reply.ok) throw new Error((await reply.json()).error)
const { outputs } = await reply.json()
for (const { name, data } of outputs) console.log(name, data)`,

  python: (asked) => `# pip install "tritonclient[http]"
import os
import numpy as np
from tritonclient.http import InferenceServerClient, InferInput

client = InferenceServerClient("${new URL(asked.origin).host}"${asked.origin.startsWith('https:') ? ', ssl=True' : ''})
inputs = []
for name, datatype, values in [
${tensorsOf(asked).map(pythonTensor).join('\n')}
]:
    tensor = InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    inputs.append(tensor)
headers = {"Authorization": "Bearer " + os.environ["ATOLL_TOKEN"]}
result = client.infer("${asked.endpoint.id}", inputs, headers=headers)
for output in result.get_response()["outputs"]:
    print(output["name"], result.as_numpy(output["name"]))`,
}

// The id, since the name may be another endpoint's in another project.
const addressOf = ({ origin, endpoint }: AskedInTensors): string => `${origin}/v2/models/${endpoint.id}/infer`

function tensorsOf({ endpoint: { signature }, row }: AskedInTensors): Tensor[] {
  return signature.inputs
    .filter(({ name }) => isThere(row[name]))
    .map((input) => ({ name: input.name, shape: [1], datatype: datatypeOf(input), data: [sentOf(row[input.name])] }))
}

/** What is missing is left out; a tensor has no word for it but NaN. */
const isThere = (value: unknown): boolean => value !== null && value !== undefined && value !== ''

function datatypeOf({ type, tensor }: Input): string {
  if (type === 'boolean') return 'BOOL'
  if (type === 'integer') return 'INT64'
  return tensor === 'numbers' && type !== 'datetime' ? 'FP64' : 'BYTES'
}

const sentOf = (value: unknown): unknown => (value instanceof File ? `<${value.name} as base64>` : value)

const numpyTypes: Record<string, string> = { BOOL: 'bool', INT64: 'np.int64', FP64: 'np.float64', BYTES: 'object' }

function pythonTensor({ name, datatype, data: [value] }: Tensor): string {
  const written =
    value === true
      ? 'True'
      : value === false
        ? 'False'
        : isFileMark(value)
          ? `open(${JSON.stringify(value.slice(1, -11))}, "rb").read()`
          : JSON.stringify(value)
  return `    (${JSON.stringify(name)}, "${datatype}", np.array([${written}], dtype=${numpyTypes[datatype]})),`
}

const isFileMark = (value: unknown): value is string => typeof value === 'string' && /^<.+ as base64>$/.test(value)

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
