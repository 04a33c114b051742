import type { Principal } from '../../../kernel/principal.ts'
import type { EndpointsService } from '../../endpoints/service.ts'
import { mainVariant } from '../../endpoints/traffic/schema.ts'
import type { Turn } from '../runs/turn.ts'
import type { RunRow } from '../tables.ts'

/** The name under which a challenger meets traffic. */
export const challengerVariant = 'challenger'

export type OnEndpoint = Pick<
  EndpointsService,
  | 'get'
  | 'traffic'
  | 'setTraffic'
  | 'startRollout'
  | 'endRollout'
  | 'rollout'
  | 'rollback'
  | 'patch'
  | 'shadowSummary'
  | 'metrics'
>

/** Somebody deployed another version while a run was under way: it steps back and leaves the endpoint to them. */
export const stepsBack = (served: string, expected: string): Turn => ({
  kind: 'end',
  outcome: 'cancelled',
  sentence: `The endpoint serves ${served} now, not ${expected}: somebody deployed it meanwhile. The run steps back.`,
})

export const servedName = ({ modelName, versionNumber }: { modelName: string; versionNumber: number }): string =>
  `${modelName}:${versionNumber}`

/** Puts the challenger beside what there is, as a shadow or as a variant without a share; or takes it away. What others set stays. */
export async function putChallenger(
  endpoints: OnEndpoint,
  by: Principal,
  run: Pick<RunRow, 'endpoint_id' | 'challenger_version'>,
  as: 'shadow' | 'waiting' | null,
): Promise<void> {
  const traffic = await endpoints.traffic(by, run.endpoint_id)
  const others = traffic.variants.filter(({ name }) => name !== mainVariant)
  const there = others.find(({ name }) => name === challengerVariant)
  const isRight = as === null ? !there : there?.version === run.challenger_version && there.shadow === (as === 'shadow')
  if (isRight) return
  const rest = others.filter(({ name }) => name !== challengerVariant)
  await endpoints.setTraffic(by, run.endpoint_id, {
    variants: [
      ...rest.map(({ name, version, weight, shadow }) => ({ name, model: version, weight, shadow })),
      ...(as === null ? [] : [{ name: challengerVariant, model: run.challenger_version!, weight: 0, shadow: as === 'shadow' }]),
    ],
    sticky: traffic.sticky,
    overrideReason: null,
  })
}
