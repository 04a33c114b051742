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
  // Each model of a pipeline was asked about when it was made.
  if (version.manifest.trust === 'imported' || version.manifest.kind === 'pipeline') return
  const { parity } = version
  if (!parity) {
    throw preconditionFailed(
      `${name} has no parity certificate: nothing shows that it answers as it was trained. Replay it first.`,
      {
        version: version.id,
      },
    )
  }
  if (!parity.passed) {
    throw preconditionFailed(
      `${name} does not answer as it was trained: ${parity.flips} of ${parity.rows} replayed rows changed their label, the largest difference is ${parity.maxDiff} (allowed: ${parity.tolerance}).`,
      { version: version.id, flips: parity.flips, rows: parity.rows, maxDiff: parity.maxDiff, tolerance: parity.tolerance },
    )
  }
}
