import { canonicalJson, sha256 } from '../../kernel/json.ts'
import type { EngineParameters } from './spec.ts'

/**
 * What the trials of a search are scored on: rows, folds, preparation, metric, seed. Searches with the same fingerprint
 * score the same settings alike, so that one may take the other's scores as its own.
 */
export function searchFingerprint(
  { version, split, seed }: { version: string; split: string; seed: number },
  { task, target, positive, metric, recipe, validation, imbalance, options, goal }: Omit<EngineParameters, 'search'>,
): string {
  const judged = { task, target, positive, metric, recipe, validation, imbalance, options, atLeast: goal?.atLeast ?? null }
  return sha256(canonicalJson([version, split, seed, judged])).slice(0, 32)
}
