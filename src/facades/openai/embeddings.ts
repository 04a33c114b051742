import * as z from 'zod'
import type { EndpointsService } from '../../domains/endpoints/service.ts'
import { invalidInput } from '../../kernel/errors.ts'
import { textToEmbed } from './embedding-input.ts'
import { may, model, withoutEffect } from './fields.ts'
import type { Asked } from './writing.ts'

const mostInputs = 2048
const text = z.string().min(1, { error: 'is empty' }).max(400_000)
const tokens = z.array(z.number().int().min(0)).min(1).max(8192)

/** What /embeddings takes. */
export const EmbeddingsRequest = z.object({
  model,
  input: z.union([text, tokens, z.array(text).min(1).max(mostInputs), z.array(tokens).min(1).max(mostInputs)], {
    error: `send a text, a list of up to ${mostInputs} texts, or tokens; none may be empty`,
  }),
  encoding_format: may(z.enum(['float', 'base64'])),
  dimensions: may(z.number().int().min(1).max(65_536)),
  user: withoutEffect.user,
})
export type EmbeddingsRequest = z.output<typeof EmbeddingsRequest>

export const EmbeddingsReply = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.number(),
      embedding: z.union([z.string(), z.array(z.number())]).describe('numbers, or little-endian float32 as base64'),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.number(), total_tokens: z.number() }),
})

type Endpoints = Pick<EndpointsService, 'get' | 'predictText'>

/** Vectors of texts, asked of the endpoint as any other prediction. */
export async function embed(
  endpoints: Endpoints,
  request: EmbeddingsRequest,
  { by, model, project, requestId }: Asked,
): Promise<z.infer<typeof EmbeddingsReply>> {
  const { signature, name } = await endpoints.get(by, model, project)
  const embedded = textToEmbed(signature)
  if (!embedded)
    throw invalidInput(`The endpoint "${name}" makes no vectors of texts (its task is ${signature.task}).`, { field: 'model' })
  const rows = textsOf(request.input).map((text) => ({ [embedded.column]: text }))
  const body = { rows }
  const answer = JSON.parse(
    await endpoints.predictText(by, model, { body: () => body, text: JSON.stringify(body), requestId, project }),
  ) as { predictions: { vector?: number[]; outputs?: Record<string, number[]>; tokens?: { prompt: number } }[] }
  // Models that read words of their own have no tokens to count.
  const tokens = answer.predictions.reduce((sum, one) => sum + (one.tokens?.prompt ?? 0), 0)
  const vectors = answer.predictions.map(({ vector, outputs }) => vector ?? outputs?.[embedded.output] ?? [])
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: written(shortened(vector, request.dimensions), request.encoding_format),
    })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  }
}

function textsOf(input: EmbeddingsRequest['input']): string[] {
  if (typeof input === 'string') return [input]
  const texts = input.filter((one) => typeof one === 'string')
  if (texts.length === input.length) return texts
  throw invalidInput('This model takes texts, no tokens. Send the text itself.', { field: 'input' })
}

/** The first so many numbers, made a vector of length 1 again. */
function shortened(vector: readonly number[], dimensions: number | undefined): readonly number[] {
  if (dimensions === undefined || dimensions === vector.length) return vector
  if (dimensions > vector.length)
    throw invalidInput(`The model's vectors have ${vector.length} numbers; ${dimensions} cannot be had.`, {
      field: 'dimensions',
    })
  const kept = vector.slice(0, dimensions)
  const length = Math.hypot(...kept) || 1
  return kept.map((value) => value / length)
}

/** Numbers unless base64 is asked for: little-endian float32. */
function written(vector: readonly number[], format: 'float' | 'base64' | undefined): string | number[] {
  if (format !== 'base64') return [...vector]
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((value, i) => {
    bytes.writeFloatLE(value, i * 4)
  })
  return bytes.toString('base64')
}
