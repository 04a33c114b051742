import { preconditionFailed } from '../../kernel/errors.ts'
import type { ModelVersion } from './schema.ts'
import type { VersionState } from './tables.ts'

/** Where a version may go from where it is. Deployed is reached and left through endpoints only. */
const moves: Record<VersionState, readonly VersionState[]> = {
  registered: ['approved', 'deprecated', 'archived'],
  approved: ['registered', 'deprecated', 'archived'],
  deployed: ['deprecated'],
  deprecated: ['registered', 'approved', 'archived'],
  archived: ['registered'],
}

export function refuseMove(version: Pick<ModelVersion, 'modelName' | 'number' | 'state'>, to: VersionState): void {
  if (moves[version.state].includes(to)) return
  const name = `${version.modelName}:${version.number}`
  if (version.state === to) throw preconditionFailed(`${name} is ${to} already.`, { state: to })
  const help =
    version.state === 'deployed'
      ? 'It serves an endpoint: deploy another version there first, or remove the endpoint.'
      : `From ${version.state} it can become ${moves[version.state].join(' or ')}.`
  throw preconditionFailed(`${name} is ${version.state} and cannot become ${to}. ${help}`, { state: version.state, to })
}

/** Why a version should not be promoted: its goal is not met, or nothing proves that what would be served is what was trained. */
export function objections(version: Pick<ModelVersion, 'goal' | 'goalOutcome' | 'parity' | 'manifest'>): string[] {
  const found: string[] = []
  const { goal, goalOutcome: outcome, parity, manifest } = version
  if (goal !== null && outcome === null) found.push('The metric of its goal was not measured on the sealed rows.')
  if (outcome !== null && !outcome.met) found.push(outcome.sentence)
  // What was made elsewhere has no training code here that it could be compared with.
  if (manifest.trust === 'imported') return found
  // The models of a pipeline were each asked about when it was made.
  if (manifest.kind === 'pipeline') return found
  if (parity === null) found.push('There is no parity certificate: it is not proven that the served model is the trained one.')
  else if (!parity.passed) found.push(`The parity check failed: ${parity.reason ?? `${parity.flips} labels differ`}.`)
  return found
}

/** What a domain built later has to say against a version. */
export interface Objection {
  reasons: string[]
  /** Figures that go into the refusal. */
  facts: Record<string, unknown>
}

/** The refusal of a promotion, with the figures it rests on. */
export function refusePromotion(version: ModelVersion, reasons: string[], facts: Record<string, unknown> = {}) {
  return preconditionFailed(
    `${version.modelName}:${version.number} cannot be promoted. ${reasons.join(' ')} An administrator of the project may override this with a written reason.`,
    {
      version: version.id,
      reasons,
      goal: version.goalOutcome && {
        metric: version.goalOutcome.metric,
        value: version.goalOutcome.value,
        low: version.goalOutcome.low,
        high: version.goalOutcome.high,
        wanted: version.goalOutcome.wanted,
        gap: version.goalOutcome.gap,
      },
      ...facts,
      parity: version.parity && { passed: version.parity.passed, flips: version.parity.flips, maxDiff: version.parity.maxDiff },
    },
  )
}
