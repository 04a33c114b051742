import type { Endpoint } from '../../domains/endpoints/schema.ts'
import type { EndpointsService } from '../../domains/endpoints/service.ts'
import type { Principal } from '../../kernel/principal.ts'

/** Triton's statistics of one model, from the last hour of this server: what is not measured apart is 0. */
export async function statisticsOf(
  endpoints: Pick<EndpointsService, 'metrics'>,
  by: Principal,
  { id, name, versionNumber }: Endpoint,
) {
  const { requests, errors, rows, latencyMs, series } = await endpoints.metrics(by, id, 3600)
  const good = requests - errors
  const last = series.at.findLast((_, i) => (series.requests[i] ?? 0) > 0) ?? 0
  const spent = (count: number) => ({ count, ns: Math.round(count * (latencyMs?.p50 ?? 0) * 1e6) })
  const none = { count: 0, ns: 0 }
  return {
    name,
    version: String(versionNumber),
    last_inference: last,
    inference_count: rows,
    execution_count: requests,
    inference_stats: {
      success: spent(good),
      fail: spent(errors),
      queue: none,
      compute_input: none,
      compute_infer: spent(good),
      compute_output: none,
      cache_hit: none,
      cache_miss: none,
    },
    batch_stats: [],
  }
}
