import * as z from 'zod'
import { InProject } from '../../domains/auth/schema.ts'
import { healthOf } from '../../domains/endpoints/contract/routes.ts'
import type { Endpoint } from '../../domains/endpoints/schema.ts'
import type { EndpointsService } from '../../domains/endpoints/service.ts'
import { notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { configOf, metadataOf } from './describe.ts'
import { infer } from './infer.ts'
import { extensions, openInference as protocol } from './protocol.ts'
import { ModelMetadata } from './schema.ts'
import { statisticsOf } from './statistics.ts'
import { maxBodyBytes } from './wire.ts'

const tag = 'inference protocol'
const model = '/v2/models/:model'
const version = `${model}/versions/:version`
const maxRows = 10_000
const maxModels = 500

const Any = z.record(z.string(), z.unknown())

/** The Open Inference Protocol V2 with Triton's binary tensors: a model is an endpoint, by its name or id; its versions are those that it serves. */
export const inferenceProtocolRoutes = (endpoints: EndpointsService, platformVersion: string): RouteRecord[] => {
  /** One endpoint, and the variant that has the version where one is named. */
  async function served(by: Principal, { model, version }: { model: string; version?: string }, project?: string) {
    const endpoint = await endpoints.get(by, model, project)
    if (version === undefined) return { endpoint, variant: undefined }
    const variant = endpoint.variants.find((one) => String(one.versionNumber) === version)
    if (!variant) throw notFound(`version of the endpoint "${model.slice(0, 160)}"`, version)
    return { endpoint, variant: variant.name }
  }

  async function all(by: Principal, project?: string): Promise<Endpoint[]> {
    const { items } = await endpoints.list(by, { limit: maxModels, project })
    return items
  }

  const about = <const Path extends string>(path: Path, summary: string) =>
    ({ path, permission: 'endpoints:read', tag, summary, query: InProject, protocol }) as const

  /** Each route about a model, with and without its version. */
  const ofModel = (
    suffix: string,
    summary: string,
    returns: z.ZodType,
    answer: (endpoint: Endpoint, by: Principal) => unknown,
  ): RouteRecord[] =>
    [model, version].map((path) =>
      route({
        method: 'GET',
        ...about(`${path}${suffix}` as `${typeof path}${string}`, summary),
        returns,
        handle: async ({ principal, params, query }) =>
          answer((await served(principal, params as { model: string }, query.project)).endpoint, principal),
      }),
    )

  return [
    route({
      method: 'GET',
      path: '/v2',
      permission: 'platform:health',
      tag,
      summary: 'What this server is and which extensions it speaks',
      returns: Any,
      protocol,
      handle: () => ({ name: 'atoll', version: platformVersion, extensions }),
    }),
    route({
      method: 'GET',
      path: '/v2/health/live',
      permission: 'platform:health',
      tag,
      summary: 'Whether the server runs',
      returns: Any,
      protocol,
      handle: () => ({ live: true }),
    }),
    route({
      method: 'GET',
      path: '/v2/health/ready',
      permission: 'platform:health',
      tag,
      summary: 'Whether the server takes requests',
      returns: Any,
      protocol,
      handle: () => ({ ready: true }),
    }),
    route({
      method: 'GET',
      ...about('/v2/models', 'Endpoints by name, as models of the inference protocol'),
      returns: Any,
      handle: async ({ principal, query }) => ({ models: (await all(principal, query.project)).map(({ name }) => name) }),
    }),
    route({
      method: 'POST',
      ...about('/v2/repository/index', 'Endpoints with their versions and states'),
      // Clients send an empty body, of no type.
      body: 'bytes',
      returns: z.array(Any),
      handle: async ({ principal, query, body }) => {
        body.resume()
        return (await all(principal, query.project)).map(({ name, versionNumber, state, message }) => ({
          name,
          version: String(versionNumber),
          state: state === 'ready' ? 'READY' : state === 'starting' ? 'LOADING' : 'UNAVAILABLE',
          reason: message ?? '',
        }))
      },
    }),
    ...(['load', 'unload'] as const).map((what) =>
      route({
        method: 'POST',
        ...about(
          `/v2/repository/models/:model/${what}`,
          'Refused: endpoints are deployed, started and stopped by the native API',
        ),
        body: 'bytes',
        returns: Any,
        handle: async ({ principal, params, query, body }) => {
          body.resume()
          const { name } = await endpoints.get(principal, params.model, query.project)
          throw preconditionFailed(
            `"${name}" is not ${what}ed by this protocol: an endpoint is started and stopped with PATCH /v1/endpoints/${name}.`,
          )
        },
      }),
    ),
    route({
      method: 'GET',
      ...about('/v2/models/stats', 'What all endpoints did since the server started'),
      returns: Any,
      handle: async ({ principal, query }) => {
        const found = await all(principal, query.project)
        return { model_stats: await Promise.all(found.map((one) => statisticsOf(endpoints, principal, one))) }
      },
    }),
    ...ofModel('', 'What a model takes and answers, as tensors', ModelMetadata, (endpoint) => metadataOf(endpoint)),
    ...ofModel('/ready', 'Whether a model answers: 200, or 503 with the reason', Any, (endpoint) => ({
      name: healthOf(endpoint).endpoint,
      ready: true,
    })),
    ...ofModel('/config', 'The same as Triton’s model configuration', Any, (endpoint) => configOf(endpoint, maxRows)),
    ...ofModel('/stats', 'What a model did since the server started', Any, async (endpoint, by) => ({
      model_stats: [await statisticsOf(endpoints, by, endpoint)],
    })),
    ...[model, version].map((path) =>
      route({
        method: 'POST',
        path: `${path}/infer`,
        permission: 'endpoints:predict',
        tag,
        summary: 'Predict tensors: in JSON, or in bytes after it',
        query: InProject,
        body: 'bytes',
        returns: 'stream',
        maxBodyBytes,
        protocol,
        handle: async ({ principal, params, query, body, request }) => {
          const { version: wanted, model: name } = params as { model: string; version?: string }
          const { variant } =
            wanted === undefined
              ? { variant: undefined }
              : await served(principal, { model: name, version: wanted }, query.project)
          return infer(endpoints, { principal, model: name, project: query.project, variant, body, request })
        },
      }),
    ),
  ]
}
