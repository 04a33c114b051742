import type { Readable } from 'node:stream'
import type * as z from 'zod'
import { answerFields } from '../../domains/endpoints/contract/answer-fields.ts'
import { notReady } from '../../domains/endpoints/predict.ts'
import { modelHeader } from '../../domains/endpoints/scaling/hosted-models.ts'
import type { PredictOutput } from '../../domains/endpoints/schema.ts'
import type { EndpointsService } from '../../domains/endpoints/service.ts'
import { pinHeader } from '../../domains/endpoints/traffic/live-traffic.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { RequestFacts, StreamReply } from '../../kernel/route.ts'
import { outputTensors } from './outputs.ts'
import { rowsOfTensors } from './rows.ts'
import { readTensors } from './tensors.ts'
import { readRequest, writeReply } from './wire.ts'

export interface InferCall {
  principal: Principal
  model: string
  project?: string
  /** The variant that has the version which was asked for. */
  variant?: string
  body: Readable
  request: RequestFacts
}

/** One inference: tensors become rows, the endpoint predicts them as it does any others, its answers become tensors. */
export async function infer(
  endpoints: Pick<EndpointsService, 'mayAsk' | 'predictText'>,
  { principal, model, project, variant, body, request }: InferCall,
): Promise<StreamReply> {
  const endpoint = await endpoints.mayAsk(principal, model, project)
  const header = (name: string) => (name === pinHeader && variant !== undefined ? variant : [request.headers[name]].flat()[0])
  const hosted = endpoint.hosted === null ? undefined : header(modelHeader)
  const serving = hosted === undefined ? endpoint.serving : await endpoint.hosted!.serving(hosted, { isRequest: false })
  if (!serving) throw notReady(endpoint)
  const asked = await readRequest(body, request.headers)
  const rows = rowsOfTensors(serving.signature, readTensors(asked.request, asked.binary), endpoint.captures.key)
  const holdsFiles = rows.length > 0 && Object.values(rows[0]!).some((value) => value instanceof Uint8Array)
  const text = await endpoints.predictText(principal, model, {
    // Files are not put into text; what is kept of them is their hash.
    text: holdsFiles ? '' : JSON.stringify({ rows }),
    body: () => ({ rows }),
    requestId: request.id,
    hangUp: () => request.signal,
    header,
    project,
  })
  const { version, predictions, warnings } = JSON.parse(text) as z.infer<typeof PredictOutput>
  return writeReply(
    {
      model_name: model,
      model_version: String(version),
      ...(asked.request.id !== undefined && { id: asked.request.id }),
      parameters: { prediction: request.id, ...(warnings.length > 0 && { warnings: warnings.join(' ') }) },
    },
    outputTensors(answerFields(serving.signature), predictions, asked.request),
    request.headers,
  )
}
