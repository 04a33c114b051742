import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { RawBatch } from '../../ports/inference/inference.ts'
import type { Attribution } from './methods/game.ts'
import type { OpenedVersion } from './opened-versions.ts'

export interface TreeAttribution extends Attribution {
  unit: 'answer' | 'log_odds' | 'margin'
  /** Contributions of the prepared features to the same, [features, outputs]. */
  features: { names: string[]; values: Float64Array }
}

/**
 * Path-dependent TreeSHAP of a row, by raw column: the contributions of the features that are made from it; a feature of several columns is shared
 * evenly between them. With two classes the trees have one output, that of the positive class.
 */
export async function treeAttribution(opened: OpenedVersion, row: RawBatch): Promise<TreeAttribution> {
  const trees = await opened.trees()
  const { inputs } = opened.version.signature
  const name = `${opened.version.modelName}:${opened.version.number}`
  if (!trees)
    throw invalidInput(`${name} is not one ensemble of trees that keeps its covers. Use "permutation".`, { field: 'method' })
  const features = opened.features
  if (features?.length !== trees.features)
    throw preconditionFailed(
      `The package of ${name} does not say which columns its features are made from. Train a version anew.`,
      {},
    )
  const { values: ofFeatures } = await trees.explain(row)
  const { outputs } = trees
  const place = new Map(inputs.map((input, c) => [input.name, c]))
  const values = new Float64Array(inputs.length * outputs)
  const answer = Float64Array.from(trees.expected)
  features.forEach(({ columns }, f) => {
    for (let k = 0; k < outputs; k++) {
      const value = ofFeatures[f * outputs + k]!
      answer[k]! += value
      for (const column of columns) values[place.get(column)! * outputs + k]! += value / columns.length
    }
  })
  return {
    values,
    base: Float64Array.from(trees.expected),
    answer,
    errors: null,
    evaluations: 1,
    unit: trees.unit,
    features: { names: features.map((one) => one.name), values: ofFeatures },
  }
}
