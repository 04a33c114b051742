import { isPlatformError } from '../../../kernel/errors.ts'
import type { StepWork } from '../runs/turn.ts'
import { challengerVariant, type OnEndpoint, putChallenger, servedName } from './on-endpoint.ts'

/** *restore*: whatever was begun with the challenger is undone, and the champion answers all requests again. Done twice it is as if done once. */
export function restoreStep({ endpoints }: { endpoints: OnEndpoint }): StepWork {
  return async ({ run, by }) => {
    try {
      const rollout = await endpoints.rollout(by, run.endpoint_id)
      if (rollout?.state === 'running' && rollout.version === run.challenger_version && rollout.variant === challengerVariant)
        await endpoints.endRollout(by, run.endpoint_id, { how: 'roll_back' })
      let endpoint = await endpoints.get(by, run.endpoint_id)
      if (endpoint.version === run.challenger_version) endpoint = await endpoints.rollback(by, run.endpoint_id)
      // What it served before may have been something else than what the run began with.
      if (endpoint.version !== run.champion_version && endpoint.version === run.challenger_version)
        endpoint = await endpoints.patch(by, run.endpoint_id, { model: run.champion_version })
      await putChallenger(endpoints, by, run, null)
      await dropCopies(endpoints, by, run)
      const served = servedName(endpoint)
      return {
        kind: 'end',
        outcome: 'done',
        sentence: `${served} answers all requests${endpoint.version === run.champion_version ? ' again' : ''}.`,
        evidence: { version: endpoint.version, name: served },
      }
    } catch (error) {
      if (!isPlatformError(error) || error.code !== 'not_found') throw error
      return { kind: 'end', outcome: 'done', sentence: 'The endpoint is gone; there is nothing to put back.' }
    }
  }
}

/** The way back from a rollback would lead to the challenger: it is not kept loaded for that. */
async function dropCopies(
  endpoints: OnEndpoint,
  by: Parameters<StepWork>[0]['by'],
  run: Parameters<StepWork>[0]['run'],
): Promise<void> {
  const traffic = await endpoints.traffic(by, run.endpoint_id)
  const others = traffic.variants.slice(1)
  const kept = others.filter(({ version }) => version !== run.challenger_version)
  if (kept.length === others.length) return
  await endpoints.setTraffic(by, run.endpoint_id, {
    variants: kept.map(({ name, version, weight, shadow }) => ({ name, model: version, weight, shadow })),
    sticky: traffic.sticky,
    overrideReason: null,
  })
}
