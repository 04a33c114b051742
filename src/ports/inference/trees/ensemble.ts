import type { GraphNode } from './onnx-graph.ts'
import { blockBytes, lanes, nodeBytes, openWalker } from './walker.ts'

/** Trees in the walker's memory. */
export interface Ensemble {
  /** Sums per row. */
  outputs: number
  features: number
  /** Lays out row `r` of the next sum from its features, which start `at` a place; none may go beyond `clip`. */
  putRow(r: number, from: Float64Array | Float32Array, at: number, clip: number): void
  /** Sums of the leaves of each row, on top of the base values; valid until the next call. */
  sum(rows: number): Float32Array
  /** Thresholds by feature, for rows that try the comparisons. */
  thresholds: number[][]
}

const maxFeatures = 4000
const maxNodes = 2_000_000
const pageBytes = 65_536

/** Lays out a TreeEnsembleRegressor whose leaves each add one value; null for one of another kind. */
export function layEnsemble(node: GraphNode, features: number, maxRows: number): Ensemble | null {
  const { attributes } = node
  const ints = (name: string) => attributes.get(name)?.ints ?? []
  const floats = (name: string) => attributes.get(name)?.floats ?? []
  const trees = ints('nodes_treeids')
  const ids = ints('nodes_nodeids')
  const modes = attributes.get('nodes_modes')?.texts ?? []
  const featureOf = ints('nodes_featureids')
  const thresholdOf = floats('nodes_values')
  const whenTrue = ints('nodes_truenodeids')
  const whenFalse = ints('nodes_falsenodeids')
  const missingIsTrue = ints('nodes_missing_value_tracks_true')
  const outputs = attributes.get('n_targets')?.int ?? 1
  const base = floats('base_values')
  const isPlain =
    (attributes.get('aggregate_function')?.text ?? 'SUM') === 'SUM' &&
    (attributes.get('post_transform')?.text ?? 'NONE') === 'NONE' &&
    (base.length === 0 || base.length === outputs)
  const lists = [ids, modes, featureOf, thresholdOf, whenTrue, whenFalse, missingIsTrue]
  if (!isPlain || features > maxFeatures || trees.length > maxNodes || lists.some((list) => list.length !== trees.length))
    return null
  const leaves = leavesOf(node)
  if (!leaves) return null

  const starts = trees.flatMap((tree, i) => (i === 0 || tree !== trees[i - 1] ? [i] : []))
  const blockCount = Math.ceil(starts.length / lanes)
  const copies = 2 * features
  const rowBytes = 4 * (copies + 1)
  const sumBytes = 4 * outputs
  const nodesAt = 64
  // Each tree's root, two places for each pair of children, and one leaf that adds nothing for the last block.
  const blocksAt = nodesAt + nodeBytes * (trees.length + 1)
  const rowsAt = blocksAt + blockBytes * blockCount
  const sumsAt = rowsAt + rowBytes * maxRows
  const { memory, walk } = openWalker(Math.ceil((sumsAt + sumBytes * maxRows) / pageBytes))
  const view = new DataView(memory.buffer)
  const thresholds: number[][] = Array.from({ length: features }, () => [])

  const lay = (at: number, value: number, featureByte: number, left: number) => {
    view.setFloat32(at, value, true)
    view.setInt32(at + 4, featureByte, true)
    view.setInt32(at + 8, left, true)
  }
  const layLeaf = (at: number, value: number) => lay(at, value, 4 * copies, at)
  const nothingAt = nodesAt
  layLeaf(nothingAt, 0)

  let free = nodesAt + nodeBytes
  const roots: { at: number; depth: number; target: number }[] = []
  for (let t = 0; t < starts.length; t++) {
    const start = starts[t]!
    const end = starts[t + 1] ?? trees.length
    const root = { at: free, depth: 1, target: -1 }
    free += nodeBytes
    const waiting = [{ node: start, at: root.at, depth: 0 }]
    for (let w = 0; w < waiting.length; w++) {
      const { node: i, at, depth } = waiting[w]!
      // Every node has one parent, so a tree has no more places than nodes.
      if (waiting.length > end - start || ids[i] !== i - start || trees[i] !== trees[start]) return null
      root.depth = Math.max(root.depth, depth)
      const mode = modes[i]
      if (mode === 'LEAF') {
        const leaf = leaves.get(`${trees[i]} ${ids[i]}`)
        if (leaf && root.target !== -1 && leaf.target !== root.target) return null
        if (leaf) root.target = leaf.target
        layLeaf(at, leaf?.weight ?? 0)
        continue
      }
      const feature = featureOf[i]!
      const threshold = mode === 'BRANCH_LT' ? floatBefore(thresholdOf[i]!) : thresholdOf[i]!
      if ((mode !== 'BRANCH_LEQ' && mode !== 'BRANCH_LT') || !Number.isFinite(threshold) || !(feature >= 0 && feature < features))
        return null
      thresholds[feature]!.push(threshold)
      lay(at, threshold, 4 * (missingIsTrue[i] ? feature : features + feature), free)
      waiting.push({ node: start + whenTrue[i]!, at: free, depth: depth + 1 })
      waiting.push({ node: start + whenFalse[i]!, at: free + nodeBytes, depth: depth + 1 })
      free += 2 * nodeBytes
    }
    if (!(root.target < outputs)) return null
    roots.push(root)
  }

  for (let b = 0; b < blockCount; b++) {
    const at = blocksAt + b * blockBytes
    const inBlock = roots.slice(b * lanes, (b + 1) * lanes)
    view.setInt32(at, Math.max(...inBlock.map((root) => root.depth)), true)
    for (let lane = 0; lane < lanes; lane++) {
      view.setInt32(at + 4 * (1 + lane), inBlock[lane]?.at ?? nothingAt, true)
      view.setInt32(at + 4 * (1 + lanes + lane), 4 * Math.max(0, inBlock[lane]?.target ?? 0), true)
    }
  }

  const values = new Float32Array(memory.buffer, rowsAt, (rowBytes / 4) * maxRows)
  const sums = new Float32Array(memory.buffer, sumsAt, outputs * maxRows)
  for (let r = 0; r < maxRows; r++) values[(r + 1) * (copies + 1) - 1] = Number.NEGATIVE_INFINITY
  const addsBase = base.some((value) => value !== 0)
  return {
    outputs,
    features,
    thresholds,
    /** A missing value goes the way of its node: it is below every threshold in the first copy, and above in the second. */
    putRow(r, from, at, clip) {
      const to = r * (copies + 1)
      for (let c = 0; c < features; c++) {
        const value = from[at + c]!
        if (Number.isNaN(value)) {
          values[to + c] = Number.NEGATIVE_INFINITY
          values[to + features + c] = Number.POSITIVE_INFINITY
        } else values[to + c] = values[to + features + c] = value > clip ? clip : value < -clip ? -clip : value
      }
    },
    sum(rows) {
      sums.fill(0, 0, rows * outputs)
      if (rows > 0) walk(blocksAt, blocksAt + blockCount * blockBytes, rowsAt, rowBytes, sumsAt, sumBytes, rows)
      if (addsBase) for (let i = 0; i < rows * outputs; i++) sums[i]! += base[i % outputs]!
      return sums.subarray(0, rows * outputs)
    },
  }
}

/** Value and target of each leaf by tree and node; null where a leaf adds to several sums. */
function leavesOf({ attributes }: GraphNode): Map<string, { target: number; weight: number }> | null {
  const trees = attributes.get('target_treeids')?.ints ?? []
  const ids = attributes.get('target_nodeids')?.ints ?? []
  const targets = attributes.get('target_ids')?.ints ?? []
  const weights = attributes.get('target_weights')?.floats ?? []
  const leaves = new Map<string, { target: number; weight: number }>()
  for (let i = 0; i < trees.length; i++) leaves.set(`${trees[i]} ${ids[i]}`, { target: targets[i]!, weight: weights[i]! })
  return leaves.size === trees.length ? leaves : null
}

const bits = new DataView(new ArrayBuffer(4))

/** The greatest float32 below one: `x < t` is `x <= floatBefore(t)`. */
function floatBefore(value: number): number {
  if (value === 0) return -(2 ** -149)
  bits.setFloat32(0, value)
  bits.setInt32(0, bits.getInt32(0) + (value > 0 ? -1 : 1))
  return bits.getFloat32(0)
}
