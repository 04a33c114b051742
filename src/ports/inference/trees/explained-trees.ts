import type { GraphNode } from './onnx-graph.ts'

/** One tree as TreeSHAP walks it: nodes with each parent before its children, the root first. */
export interface ExplainedTree {
  /** By node: the feature it asks for, or -1 for a leaf. */
  feature: Int32Array
  threshold: Float32Array
  /** 1 where `x < threshold` is asked instead of `x <= threshold`. */
  isLess: Uint8Array
  missingIsTrue: Uint8Array
  /** By node, but the root: its parent, and whether it is where the parent's comparison holds. */
  parent: Int32Array
  isTrueChild: Uint8Array
  /** By node: the nearest node above (or -1) that is a child by the same feature. */
  ancestor: Int32Array
  /** By node: the share of the training rows that come here, of those that came to where `ancestor` left off knowing the feature. */
  share: Float64Array
  /** The same of the rows that came to the parent. */
  edgeShare: Float64Array
  /** By node: where a leaf's values begin in `values`; -1 for an inner node. */
  leaf: Int32Array
  /** Of leaves, `width` a leaf. */
  values: Float64Array
  width: number
  /** The first output that the tree adds to. */
  target: number
  /** The most different features on one path. */
  depth: number
  /** The mean value by the covers. */
  expected: Float64Array
}

export interface ExplainedEnsemble {
  features: number
  outputs: number
  trees: ExplainedTree[]
  base: Float64Array
}

/** Lays out a TreeEnsembleRegressor that keeps how many training rows came by each node; null without that, or where it is written in an unknown way. */
export function explainedEnsemble({ attributes }: GraphNode, features: number): ExplainedEnsemble | null {
  const ints = (name: string) => attributes.get(name)?.ints ?? []
  const floats = (name: string) => attributes.get(name)?.floats ?? []
  const treeIds = ints('nodes_treeids')
  const count = treeIds.length
  const source: Source = {
    ids: ints('nodes_nodeids'),
    modes: attributes.get('nodes_modes')?.texts ?? [],
    features: ints('nodes_featureids'),
    thresholds: floats('nodes_values'),
    whenTrue: ints('nodes_truenodeids'),
    whenFalse: ints('nodes_falsenodeids'),
    missingIsTrue: ints('nodes_missing_value_tracks_true'),
    cover: floats('nodes_hitrates'),
  }
  const outputs = attributes.get('n_targets')?.int ?? 1
  if (
    (attributes.get('aggregate_function')?.text ?? 'SUM') !== 'SUM' ||
    Object.values(source).some((list) => list.length !== count)
  )
    return null
  const leaves = leavesByNode(attributes)
  const trees: ExplainedTree[] = []
  for (let start = 0; start < count; ) {
    let end = start
    while (end < count && treeIds[end] === treeIds[start]) end++
    const tree = layTree(source, { start, end, leaves: leaves.get(treeIds[start]!), features })
    if (!tree || tree.target + tree.width > outputs) return null
    trees.push(tree)
    start = end
  }
  const base = new Float64Array(outputs)
  floats('base_values').forEach((value, k) => {
    base[k] = value
  })
  return { features, outputs, trees, base }
}

interface Source {
  ids: number[]
  modes: string[]
  features: number[]
  thresholds: number[]
  whenTrue: number[]
  whenFalse: number[]
  missingIsTrue: number[]
  cover: number[]
}

type Leaves = Map<number, { targets: number[]; weights: number[] }>

function leavesByNode(attributes: GraphNode['attributes']): Map<number, Leaves> {
  const trees = attributes.get('target_treeids')?.ints ?? []
  const ids = attributes.get('target_nodeids')?.ints ?? []
  const targets = attributes.get('target_ids')?.ints ?? []
  const weights = attributes.get('target_weights')?.floats ?? []
  const found = new Map<number, Leaves>()
  for (let i = 0; i < trees.length; i++) {
    let tree = found.get(trees[i]!)
    if (!tree) {
      tree = new Map()
      found.set(trees[i]!, tree)
    }
    const leaf = tree.get(ids[i]!) ?? { targets: [], weights: [] }
    leaf.targets.push(targets[i]!)
    leaf.weights.push(weights[i]!)
    tree.set(ids[i]!, leaf)
  }
  return found
}

function layTree(
  source: Source,
  { start, end, leaves, features }: { start: number; end: number; leaves: Leaves | undefined; features: number },
): ExplainedTree | null {
  const size = end - start
  const first = leaves?.values().next().value
  const width = first?.targets.length ?? 1
  const target = first?.targets[0] ?? 0
  const tree: ExplainedTree = {
    feature: new Int32Array(size).fill(-1),
    threshold: new Float32Array(size),
    isLess: new Uint8Array(size),
    missingIsTrue: new Uint8Array(size),
    parent: new Int32Array(size).fill(-1),
    isTrueChild: new Uint8Array(size),
    ancestor: new Int32Array(size).fill(-1),
    share: new Float64Array(size).fill(1),
    edgeShare: new Float64Array(size).fill(1),
    leaf: new Int32Array(size).fill(-1),
    values: new Float64Array(size * width),
    width,
    target,
    depth: 0,
    expected: new Float64Array(width),
  }
  const origin = new Int32Array(size)
  // Depth first, so that what a subtree needs lies together.
  const waiting: { from: number; parent: number; isTrue: number; reach: number; different: number }[] = [
    { from: start, parent: -1, isTrue: 0, reach: 1, different: 0 },
  ]
  let laid = 0
  let leafAt = 0
  while (waiting.length > 0) {
    const { from, parent, isTrue, reach, different } = waiting.pop()!
    const at = laid++
    if (laid > size || source.ids[from] !== from - start) return null
    tree.parent[at] = parent
    tree.isTrueChild[at] = isTrue
    let unlike = different
    let arrived = reach
    if (parent >= 0) {
      const asked = tree.feature[parent]!
      const above = sameFeatureAbove(tree, parent, asked)
      const fromCover = source.cover[origin[parent]!]!
      const edge = fromCover > 0 ? source.cover[from]! / fromCover : 0.5
      tree.ancestor[at] = above
      tree.edgeShare[at] = edge
      tree.share[at] = edge * (above < 0 ? 1 : tree.share[above]!)
      arrived *= edge
      if (above < 0) unlike++
      tree.depth = Math.max(tree.depth, unlike)
    }
    origin[at] = from
    const mode = source.modes[from]
    if (mode === 'LEAF') {
      const leaf = leaves?.get(source.ids[from]!)
      if (leaf && (leaf.targets.length !== width || leaf.targets.some((one, k) => one !== target + k))) return null
      tree.leaf[at] = leafAt
      for (let k = 0; k < width; k++) {
        tree.values[leafAt + k] = leaf?.weights[k] ?? 0
        tree.expected[k]! += arrived * (leaf?.weights[k] ?? 0)
      }
      leafAt += width
      continue
    }
    const feature = source.features[from]!
    if ((mode !== 'BRANCH_LEQ' && mode !== 'BRANCH_LT') || !(feature >= 0 && feature < features)) return null
    tree.feature[at] = feature
    tree.threshold[at] = source.thresholds[from]!
    tree.isLess[at] = mode === 'BRANCH_LT' ? 1 : 0
    tree.missingIsTrue[at] = source.missingIsTrue[from] ? 1 : 0
    const next = { parent: at, reach: arrived, different: unlike }
    waiting.push({ ...next, from: start + source.whenFalse[from]!, isTrue: 0 })
    waiting.push({ ...next, from: start + source.whenTrue[from]!, isTrue: 1 })
  }
  return laid === size ? tree : null
}

/** The nearest node from `node` upwards that is a child by a feature; -1 where the path has not asked for it. */
function sameFeatureAbove(tree: ExplainedTree, node: number, feature: number): number {
  for (let at = node; tree.parent[at]! >= 0; at = tree.parent[at]!) if (tree.feature[tree.parent[at]!] === feature) return at
  return -1
}
