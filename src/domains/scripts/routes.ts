import { type RouteRecord, route } from '../../kernel/route.ts'
import { ScriptCreated, ScriptInput } from './schema.ts'
import type { ScriptsService } from './service.ts'

export const scriptsRoutes = (scripts: ScriptsService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/script-jobs',
    permission: 'training:create',
    tag: 'training',
    summary: 'Run a training script or notebook of your own, by the conventions of SageMaker',
    body: ScriptInput,
    returns: ScriptCreated,
    status: 202,
    idempotent: true,
    maxBodyBytes: 6 * 2 ** 20,
    handle: ({ principal, body }) => scripts.create(principal, body),
  }),
]
