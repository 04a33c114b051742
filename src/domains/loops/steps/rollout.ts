import type { RegistryService } from '../../registry/service.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { StepWork } from '../runs/turn.ts'
import { challengerVariant, type OnEndpoint, putChallenger, servedName, stepsBack } from './on-endpoint.ts'
import { overrideOf } from './override.ts'

type Work = { rollout?: string }

/** *rollout*: the challenger gets more of the requests step by step, then all of them; its guard takes it back. */
export function rolloutStep({
  endpoints,
  registry,
  store,
}: {
  endpoints: OnEndpoint
  registry: Pick<RegistryService, 'resolveVersion'>
  store: Pick<RunStore, 'step'>
}): StepWork {
  return async (context) => {
    const { run, policy, by, startedAt } = context
    const work = context.work as Work
    const latest = await endpoints.rollout(by, run.endpoint_id)
    if (!work.rollout) {
      // Begun by an earlier turn that was not to note it.
      const own = latest?.version === run.challenger_version && Date.parse(latest.startedAt) >= startedAt ? latest : null
      if (!own) {
        const endpoint = await endpoints.get(by, run.endpoint_id)
        if (endpoint.version !== run.champion_version) return stepsBack(servedName(endpoint), run.champion_name)
        await putChallenger(endpoints, by, run, 'waiting')
      }
      const { id } =
        own ??
        (await endpoints.startRollout(by, run.endpoint_id, {
          variant: challengerVariant,
          steps: policy.rollout.steps,
          guard: policy.rollout.guard,
          overrideReason: await overrideOf({ registry, store }, context),
        }))
      await context.keep({ rollout: id })
      return {
        kind: 'stay',
        inMs: 500,
        sentence: `${run.challenger_name} gets ${policy.rollout.steps[0]!.weight} % of the requests.`,
      }
    }
    if (latest?.id !== work.rollout)
      return {
        kind: 'end',
        outcome: 'cancelled',
        sentence: 'Somebody began another rollout on the endpoint. The run steps back.',
      }
    const traffic = await endpoints.traffic(by, run.endpoint_id)
    const evidence = {
      ...latest,
      variants: traffic.variants.map(({ name, version, weight, live }) => ({ name, version, weight, live })),
    }
    if (latest.state === 'completed')
      return { kind: 'go', to: 'watch', sentence: `${run.challenger_name} answers all requests: ${latest.reason}.`, evidence }
    if (latest.state === 'rolled_back')
      return {
        kind: 'end',
        outcome: 'rolled_back',
        sentence: `${run.challenger_name} was taken back while it was rolled out: ${latest.reason}.`,
        evidence,
      }
    const step = latest.steps[latest.step]
    return {
      kind: 'stay',
      inMs: 1000,
      sentence: `${run.challenger_name} gets ${step?.weight} % of the requests (step ${latest.step + 1} of ${latest.steps.length}).`,
      evidence,
    }
  }
}
