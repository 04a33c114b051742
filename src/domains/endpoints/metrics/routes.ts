import { contentTypeOf, exposition, type Family, formatOf } from '../../../kernel/exposition.ts'
import { type RouteRecord, route } from '../../../kernel/route.ts'
import { processFamilies } from './process-families.ts'

export type FamilySource = () => readonly Family[] | Promise<readonly Family[]>

/** Figures of this process for Prometheus, of whatever has some to tell. */
export const metricsRoutes = (sources: readonly FamilySource[]): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/metrics',
    permission: 'platform:metrics',
    tag: 'platform',
    summary: 'Figures of this process for Prometheus; as OpenMetrics where that is accepted',
    returns: 'stream',
    handle: async ({ request }) => {
      const families = (await Promise.all([processFamilies, ...sources].map((source) => source()))).flat()
      const { accept } = request.headers
      const format = formatOf(Array.isArray(accept) ? accept.join(',') : accept)
      return { contentType: contentTypeOf(format), body: exposition(families, format) }
    },
  }),
]
