import type { Readable } from 'node:stream'
import { answerFields } from '../domains/endpoints/contract/answer-fields.ts'
import { metadataOfSignature } from '../facades/inference-protocol/describe.ts'
import { outputTensors } from '../facades/inference-protocol/outputs.ts'
import { rowsOfTensors } from '../facades/inference-protocol/rows.ts'
import { readTensors } from '../facades/inference-protocol/tensors.ts'
import { readRequest, writeReply } from '../facades/inference-protocol/wire.ts'
import { notFound } from '../kernel/errors.ts'
import type { StreamReply } from '../kernel/route.ts'
import type { OpenedModel } from './model.ts'
import { predict } from './predict.ts'

interface Call {
  method: string
  path: string
  headers: Record<string, string | string[] | undefined>
  body: Readable
  requestId: string
}

/** The Open Inference Protocol V2 of an exported model, by the name of its endpoint. */
export async function inferenceProtocol(
  opened: OpenedModel,
  { method, path, headers, body, requestId }: Call,
): Promise<StreamReply> {
  const { facts, signature } = opened
  const about = { name: facts.endpoint, version: String(facts.version), served: 'onnx' as const, signature }
  const call = `${method} ${path}`
  if (call === 'GET /v2')
    return json({ name: 'atoll-export', version: about.version, extensions: ['binary_tensor_data', 'classification'] })
  if (call === 'GET /v2/health/live') return json({ live: true })
  if (call === 'GET /v2/health/ready') return json({ ready: true })
  if (call === 'GET /v2/models') return json({ models: [about.name] })
  const found = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/ready|\/infer)?$/.exec(path)
  if (!found || decodeURIComponent(found[1]!) !== about.name || (found[2] !== undefined && found[2] !== about.version))
    throw notFound('route', call)
  if (method === 'GET' && found[3] === undefined) return json(metadataOfSignature(about))
  if (method === 'GET' && found[3] === '/ready') return json({ name: about.name, ready: true })
  if (method !== 'POST' || found[3] !== '/infer') throw notFound('route', call)
  const asked = await readRequest(body, headers)
  const rows = rowsOfTensors(signature, readTensors(asked.request, asked.binary))
  const { predictions, warnings } = JSON.parse(await predict(opened, { requestId, text: '', body: () => ({ rows }) })) as {
    predictions: Record<string, unknown>[]
    warnings: string[]
  }
  return writeReply(
    {
      model_name: about.name,
      model_version: about.version,
      ...(asked.request.id !== undefined && { id: asked.request.id }),
      parameters: { prediction: requestId, ...(warnings.length > 0 && { warnings: warnings.join(' ') }) },
    },
    outputTensors(answerFields(signature), predictions, asked.request),
    headers,
  )
}

const json = (value: unknown): StreamReply => ({ contentType: 'application/json', body: JSON.stringify(value) })
