import * as z from 'zod'
import type { Endpoint } from '../../domains/endpoints/schema.ts'
import type { EndpointsService } from '../../domains/endpoints/service.ts'
import { notFound } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { textToEmbed } from './embedding-input.ts'

/** A model of theirs is an endpoint of ours that writes text or makes vectors of texts. */
export const OpenAiModel = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.number(),
  owned_by: z.string(),
})
export const OpenAiModels = z.object({ object: z.literal('list'), data: z.array(OpenAiModel) })

type Endpoints = Pick<EndpointsService, 'list' | 'get'>
const most = 2000

/** All that the caller may see, newest first. */
export async function listModels(
  endpoints: Endpoints,
  by: Principal,
  project: string | undefined,
): Promise<z.infer<typeof OpenAiModels>> {
  const found: Endpoint[] = []
  let cursor: string | undefined
  do {
    const page = await endpoints.list(by, { limit: 200, cursor, project })
    found.push(...page.items.filter(speaks))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined && found.length < most)
  const names = new Map<string, number>()
  for (const { name } of found) names.set(name, (names.get(name) ?? 0) + 1)
  // A name that several projects use says nothing; their ids do.
  return { object: 'list', data: found.map((one) => toModel(one, names.get(one.name) === 1 ? one.name : one.id)) }
}

export async function oneModel(
  endpoints: Endpoints,
  by: Principal,
  ref: string,
  project: string | undefined,
): Promise<z.infer<typeof OpenAiModel>> {
  const endpoint = await endpoints.get(by, ref, project)
  if (!speaks(endpoint)) throw notFound('endpoint', ref)
  return toModel(endpoint, ref)
}

const speaks = ({ served, signature }: Endpoint): boolean => served === 'gguf' || textToEmbed(signature) !== null

const toModel = (endpoint: Endpoint, id: string): z.infer<typeof OpenAiModel> => ({
  id,
  object: 'model',
  created: Math.floor(Date.parse(endpoint.createdAt) / 1000),
  owned_by: endpoint.ownerName,
})
