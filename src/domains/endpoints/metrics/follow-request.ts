import type { RequestTrace, RunTiming } from '../../../kernel/request-trace.ts'
import type { LiveEndpoint } from '../live.ts'
import type { Serving } from '../serving.ts'
import { mainVariant } from '../traffic/schema.ts'

/** Follows a call to a model: how long it waited for its turn, and how long it ran. Null where nobody follows. */
export function followRun(
  trace: RequestTrace | undefined,
): { timing: RunTiming; options: { timing: RunTiming }; done(): void } | null {
  if (!trace) return null
  const asked = performance.now()
  const timing: RunTiming = {}
  return {
    timing,
    options: { timing },
    done() {
      const { startedAt = asked, endedAt = performance.now(), rows } = timing
      trace.span('queue', asked, startedAt)
      trace.span('model run', startedAt, endedAt, rows === undefined ? {} : { 'atoll.rows_in_run': rows })
    },
  }
}

export const variantName = (serving: Serving | null): string => serving?.variant ?? mainVariant

/** Says of a request which endpoint it was for and what answered. */
export function noteRequest(
  trace: RequestTrace,
  { endpoint, serving, rows }: { endpoint: LiveEndpoint; serving: Serving | null; rows: number },
): void {
  trace.note('atoll.endpoint', endpoint.name)
  trace.note('atoll.endpoint_id', endpoint.id)
  trace.note('atoll.variant', variantName(serving))
  trace.note('atoll.rows', rows)
  if (serving) trace.note('atoll.version', serving.versionId)
}
