import { preconditionFailed } from '../../kernel/errors.ts'
import type { ModelVersion } from '../registry/schema.ts'

/** Refuses what may never be deployed: what is withdrawn, and what is not proven to be served as it was trained. */
export function refuseUnproven(version: ModelVersion): void {
  const name = `${version.modelName}:${version.number}`
  if (version.state === 'archived' || version.state === 'deprecated') {
    throw preconditionFailed(`${name} is ${version.state}. Deploy another version, or promote this one again first.`, {
      version: version.id,
      state: version.state,
    })
  }
  if (version.manifest.trust === 'imported') return
  const { parity } = version
  if (!parity) {
    throw preconditionFailed(`${name} has no parity certificate: nothing shows that it answers as it was trained. Replay it first.`, {
      version: version.id,
    })
  }
  if (!parity.passed) {
    throw preconditionFailed(
      `${name} does not answer as it was trained: ${parity.flips} of ${parity.rows} replayed rows changed their label, the largest difference is ${parity.maxDiff} (allowed: ${parity.tolerance}).`,
      { version: version.id, flips: parity.flips, rows: parity.rows, maxDiff: parity.maxDiff, tolerance: parity.tolerance },
    )
  }
}

/** Whether the promotion rule stands in the way: nobody approved the version and it does not meet its goal. */
export const missesItsGoal = (version: ModelVersion): boolean =>
  version.state === 'registered' && version.goalOutcome !== null && !version.goalOutcome.met

/** The refusal of a version that misses its goal, with the figures. */
export function goalNotMet(version: ModelVersion) {
  const outcome = version.goalOutcome!
  return preconditionFailed(
    `${version.modelName}:${version.number} may not be deployed. ${outcome.sentence} A project administrator may override this with a written reason.`,
    {
      version: version.id,
      metric: outcome.metric,
      value: outcome.value,
      low: outcome.low,
      high: outcome.high,
      wanted: outcome.wanted,
      gap: outcome.gap,
      field: 'overrideReason',
    },
  )
}
