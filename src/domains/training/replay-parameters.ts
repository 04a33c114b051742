import { preconditionFailed } from '../../kernel/errors.ts'
import type { TrainingFacts } from '../registry/card.ts'
import type { EngineParameters, GivenRecipe, TrainingSpec } from './spec.ts'

/**
 * The parameters that make a version again without searching: its algorithm with the settings of the winning trial, and its recipe as it was
 * fitted. How far a search came within its budget depends on the machine; what it found does not.
 */
export function replayParameters(spec: TrainingSpec, training: TrainingFacts, recipe: GivenRecipe): EngineParameters {
  // Of a search with several objectives the winner need not be the best of its algorithm.
  const winner =
    training.leaderboard?.find((one) => one.trial !== undefined && one.trial === training.trial) ??
    training.leaderboard?.find((one) => one.algorithm === training.algorithm)
  if (!winner?.params)
    throw preconditionFailed('The record of this version does not say which settings won, so it cannot be made again.', {
      version: spec.versionId,
    })
  return {
    ...spec.parameters,
    recipe: { steps: recipe.steps, ...(recipe.families && { families: recipe.families }) },
    algorithms: [training.algorithm],
    search: {
      strategy: 'none',
      trials: null,
      budgetSeconds: null,
      space: { [training.algorithm]: winner.params },
      warmStart: [],
    },
    imbalance: typeof winner.params.imbalance === 'string' ? winner.params.imbalance : spec.parameters.imbalance,
    importance: false,
  }
}
