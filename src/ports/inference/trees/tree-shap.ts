import type { ExplainedEnsemble, ExplainedTree } from './explained-trees.ts'
import { gaussLegendre } from './quadrature.ts'

export interface TreeShap {
  features: number
  outputs: number
  /** The mean sum over the training rows, by output. */
  expected: Float64Array
  /** Contributions of the features [rows, features, outputs] to the sums of float32 features [rows, features]. */
  explain(rows: number, features: Float32Array): Float64Array
}

/**
 * Path-dependent TreeSHAP (Lundberg et al. 2020) without recursion. A feature's Shapley value at a leaf is the integral over t of a product of one factor
 * per other feature on the path, `t + share (1 - t)` where the row goes that way and `share (1 - t)` where not: a polynomial, so that Gauss-Legendre
 * quadrature with half as many points as the path has features is exact. The products are shared along the tree, down for the factors and up for the
 * sums over leaves, as in Linear TreeSHAP (Yu et al. 2022): time grows with nodes times half the depth, not with leaves times its square.
 */
export function treeShap(ensemble: ExplainedEnsemble): TreeShap {
  const { features, outputs } = ensemble
  const expected = Float64Array.from(ensemble.base)
  const mostNodes = Math.max(1, ...ensemble.trees.map(({ feature }) => feature.length))
  const mostPoints = Math.max(1, ...ensemble.trees.map(pointsOf))
  for (const tree of ensemble.trees) for (let k = 0; k < tree.width; k++) expected[tree.target + k]! += tree.expected[k]!
  const scratch: Scratch = {
    goes: new Uint8Array(mostNodes),
    down: new Float64Array(mostNodes * mostPoints),
    up: new Float64Array(mostNodes * mostPoints),
  }
  const tableSize = ensemble.trees.reduce((sum, tree) => sum + 4 * pointsOf(tree) * tree.feature.length, 0)
  // Small ensembles keep their factors; of large ones each tree's are made when it is its turn.
  const tables = tableSize <= mostKeptFactors ? ensemble.trees.map(factorsOf) : null

  function explain(rows: number, values: Float32Array): Float64Array {
    const contributions = new Float64Array(rows * features * outputs)
    ensemble.trees.forEach((tree, t) => {
      if (tree.feature[0]! < 0) return
      const factors = tables?.[t] ?? factorsOf(tree)
      for (let r = 0; r < rows; r++) {
        walk(tree, values, r * features, scratch.goes)
        for (let k = 0; k < tree.width; k++)
          addTree(tree, {
            factors,
            scratch,
            output: k,
            into: contributions,
            at: r * features * outputs + tree.target + k,
            outputs,
          })
      }
    })
    return contributions
  }

  return { features, outputs, expected, explain }
}

const mostKeptFactors = 8 * 2 ** 20

interface Scratch {
  /** By node: whether the row goes that way as far as this node's feature is concerned. */
  goes: Uint8Array
  down: Float64Array
  up: Float64Array
}

const pointsOf = ({ depth }: ExplainedTree): number => Math.max(1, Math.ceil(depth / 2))

/**
 * By node and point: what the product changes by on the way to this node where the row goes that way and where not, then what the node's feature makes
 * of the sum of its leaves in both cases (less what the same feature made of them further up).
 */
function factorsOf(tree: ExplainedTree): Float64Array {
  const points = pointsOf(tree)
  const { points: t } = gaussLegendre(points)
  const size = tree.feature.length
  const factors = new Float64Array(size * points * 4)
  for (let node = 1; node < size; node++) {
    const share = tree.share[node]!
    const above = tree.ancestor[node]! < 0 ? 1 : tree.share[tree.ancestor[node]!]!
    for (let q = 0; q < points; q++) {
      const [x, rest] = [t[q]!, 1 - t[q]!]
      const known = x + share * rest
      const before = x + above * rest
      const at = (node * points + q) * 4
      factors[at] = known / before
      factors[at + 1] = (share * rest) / before
      factors[at + 2] = (1 - share) / known - (1 - above) / before
      factors[at + 3] = -1 / rest - (1 - above) / before
    }
  }
  return factors
}

/** Which way the row goes at every node. */
function walk(tree: ExplainedTree, values: Float32Array, row: number, goes: Uint8Array): void {
  const { feature, threshold, isLess, missingIsTrue, parent, isTrueChild, ancestor } = tree
  const size = feature.length
  for (let node = 1; node < size; node++) {
    const asks = parent[node]!
    const value = values[row + feature[asks]!]!
    const limit = threshold[asks]!
    let holds = isLess[asks] === 1 ? value < limit : value <= limit
    // biome-ignore lint/suspicious/noSelfCompare: the one comparison that tells a missing value, and the fastest
    if (value !== value) holds = missingIsTrue[asks] === 1
    const above = ancestor[node]!
    goes[node] = holds === (isTrueChild[node] === 1) && (above < 0 || goes[above] === 1) ? 1 : 0
  }
}

interface Adding {
  factors: Float64Array
  scratch: Scratch
  output: number
  into: Float64Array
  /** Where the contribution of the first feature lies, and how far the next is. */
  at: number
  outputs: number
}

function addTree(tree: ExplainedTree, { factors, scratch, output, into, at, outputs }: Adding): void {
  const { feature, parent, ancestor, edgeShare, leaf, values } = tree
  const { goes, down, up } = scratch
  const points = pointsOf(tree)
  const { weights } = gaussLegendre(points)
  const size = feature.length
  for (let q = 0; q < points; q++) down[q] = weights[q]!
  for (let node = 1; node < size; node++) {
    const from = parent[node]! * points
    const to = node * points
    const above = ancestor[node]!
    if (above >= 0 && goes[above] === 0) {
      const share = edgeShare[node]!
      for (let q = 0; q < points; q++) down[to + q] = down[from + q]! * share
    } else {
      const which = goes[node] === 1 ? 0 : 1
      for (let q = 0; q < points; q++) down[to + q] = down[from + q]! * factors[(to + q) * 4 + which]!
    }
    const valueAt = leaf[node]!
    const value = valueAt < 0 ? 0 : values[valueAt + output]!
    for (let q = 0; q < points; q++) up[to + q] = down[to + q]! * value
  }
  for (let node = size - 1; node > 0; node--) {
    const from = node * points
    const to = parent[node]! * points
    const above = ancestor[node]!
    if (to > 0) for (let q = 0; q < points; q++) up[to + q]! += up[from + q]!
    if (above >= 0 && goes[above] === 0) continue
    const which = goes[node] === 1 ? 2 : 3
    let sum = 0
    for (let q = 0; q < points; q++) sum += up[from + q]! * factors[(from + q) * 4 + which]!
    into[at + feature[parent[node]!]! * outputs]! += sum
  }
}
