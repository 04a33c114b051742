import type { EndpointsService } from '../../domains/endpoints/service.ts'
import type { Principal } from '../../kernel/principal.ts'
import { type RequestFacts, type RouteRecord, route } from '../../kernel/route.ts'
import { chat } from './chat.ts'
import { ChatReply, ChatRequest } from './chat-schema.ts'
import { CompletionReply, CompletionRequest, complete } from './completions.ts'
import { EmbeddingsReply, EmbeddingsRequest, embed } from './embeddings.ts'
import { listModels, OpenAiModel, OpenAiModels, oneModel } from './models.ts'
import { openAi } from './protocol.ts'
import type { Asked } from './writing.ts'

const tag = 'openai'
/** The base URL of clients. At the root there is no room for the models: they are the registry's there. */
const base = '/openai/v1'
const bases = [base, '/v1'] as const
const maxBodyBytes = 8 * 1024 * 1024

/** OpenAI's API: models are endpoints, projects are projects. */
export const openAiRoutes = (endpoints: EndpointsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: `${base}/models`,
    permission: 'endpoints:read',
    tag,
    summary: 'Endpoints that write text or make vectors of texts, as models of the OpenAI API',
    returns: OpenAiModels,
    protocol: openAi,
    handle: ({ principal, request }) => listModels(endpoints, principal, projectOf(request)),
  }),
  route({
    method: 'GET',
    path: `${base}/models/:model`,
    permission: 'endpoints:read',
    tag,
    summary: 'One such endpoint',
    returns: OpenAiModel,
    protocol: openAi,
    handle: ({ principal, params, request }) => oneModel(endpoints, principal, params.model, projectOf(request)),
  }),
  ...bases.flatMap((at) => [
    route({
      method: 'POST',
      path: `${at}/chat/completions`,
      permission: 'endpoints:predict',
      tag,
      summary: 'Answer a conversation, as the OpenAI API does',
      body: ChatRequest,
      returns: ChatReply,
      streams: true,
      maxBodyBytes,
      protocol: openAi,
      handle: async ({ principal, body, request }) => chat(endpoints, body, askedBy(principal, body, request)),
    }),
    route({
      method: 'POST',
      path: `${at}/completions`,
      permission: 'endpoints:predict',
      tag,
      summary: 'Go on from texts, as the OpenAI API does',
      body: CompletionRequest,
      returns: CompletionReply,
      streams: true,
      maxBodyBytes,
      protocol: openAi,
      handle: async ({ principal, body, request }) => complete(endpoints, body, askedBy(principal, body, request)),
    }),
    route({
      method: 'POST',
      path: `${at}/embeddings`,
      permission: 'endpoints:predict',
      tag,
      summary: 'Vectors of texts, as the OpenAI API gives them',
      body: EmbeddingsRequest,
      returns: EmbeddingsReply,
      maxBodyBytes,
      protocol: openAi,
      handle: ({ principal, body, request }) => embed(endpoints, body, askedBy(principal, body, request)),
    }),
  ]),
]

const askedBy = (by: Principal, { model }: { model: string }, request: RequestFacts): Asked => ({
  by,
  model,
  project: projectOf(request),
  requestId: request.id,
  signal: request.signal,
  header: (name) => headerOf(request, name),
})

/** Their clients name a project in a header. */
const projectOf = (request: RequestFacts): string | undefined => headerOf(request, 'openai-project') || undefined

function headerOf({ headers }: RequestFacts, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
