import { rowOfFile } from '../domains/endpoints/file-row.ts'
import { rowsOf } from '../domains/endpoints/rows-of-body.ts'
import { invalidInput } from '../kernel/errors.ts'
import { RawBody } from '../kernel/raw-body.ts'
import type { FileBody } from '../kernel/route.ts'
import type { EncodedRows } from '../ports/inference/encode.ts'
import type { OpenedModel } from './model.ts'

export interface Asked {
  requestId: string
  /** The text of a JSON body, or a file. */
  text: string
  body(): unknown
  file?: FileBody
}

/** The JSON text of an answer: the same code, and so the same answer, as the platform's. */
export async function predict(opened: OpenedModel, asked: Asked): Promise<string> {
  const { facts, model, answer } = opened
  const { batch, warnings } = await encoded(opened, asked)
  const scores = await model.predict(batch)
  const predictions: string[] = []
  for (let r = 0; r < batch.rows; r++)
    predictions.push(answer(scores, r, batch.rows === 1 ? asked.requestId : `${asked.requestId}.${r}`))
  const head = { endpoint: facts.endpoint, model: facts.model, version: facts.version }
  return `${JSON.stringify(head).slice(0, -1)},"predictions":[${predictions.join(',')}],"warnings":${JSON.stringify(warnings)}}`
}

async function encoded({ encoder, signature }: OpenedModel, { text, body, file }: Asked): Promise<EncodedRows> {
  if (file) return encoder.encode([await rowOfFile(signature as never, file)])
  const batch = encoder.encodeBody(RawBody.of(text))
  if (batch !== null) return { batch, warnings: [] }
  const given = body()
  for (const field of ['uncertainty', 'explain', 'nearest', 'generation'])
    if (given !== null && typeof given === 'object' && field in given)
      throw invalidInput(`An exported model answers rows; "${field}" is for the platform that it came from.`, { field })
  const rows = rowsOf(given)
  const read = await encoder.encode(rows)
  encoder.learn(rows)
  return read
}
