import type { InferenceSession } from 'onnxruntime-node'
import type { OnnxModelFile, RawBatch } from '../inference.ts'
import { explainedEnsemble } from './explained-trees.ts'
import { type GraphNode, type OnnxGraph, readOnnxGraph } from './onnx-graph.ts'
import { type TreeShap, treeShap } from './tree-shap.ts'
import { withOutput } from './with-output.ts'

/**
 * What the trees' sums are to the model's answer: the answer itself, its log odds (of the positive class), or a margin that is made into
 * probabilities in a way of its own.
 */
export type TreeUnit = 'answer' | 'log_odds' | 'margin'

export interface TreeFacts {
  features: number
  outputs: number
  expected: Float64Array
  unit: TreeUnit
}

export interface TreeContributions {
  /** [rows, features, outputs] */
  values: Float64Array
}

/** A graph with one ensemble of trees in it, whatever comes before: contributions of the features that reach the trees. */
export interface LocalTreeExplainer extends TreeFacts {
  explain(batch: RawBatch): Promise<TreeContributions>
  close(): Promise<void>
}

/** Opens a graph on the calling thread; null where it holds no single ensemble, or one that does not say how many rows came by its nodes. */
export async function openTreeExplainerHere(
  bytes: Uint8Array,
  model: Pick<OnnxModelFile, 'numberColumns' | 'stringColumns'>,
): Promise<LocalTreeExplainer | null> {
  const graph = readOnnxGraph(bytes)
  const trees = graph.nodes.filter((node) => node.op === 'TreeEnsembleRegressor' && node.domain === 'ai.onnx.ml')
  const [node] = trees
  if (!node || trees.length > 1 || !node.attributes.has('nodes_hitrates')) return null
  const tensor = node.inputs[0]!
  const { InferenceSession, Tensor } = await import('onnxruntime-node')
  const options: InferenceSession.SessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 }
  const session = await InferenceSession.create(withOutput(bytes, tensor), options)

  async function featuresOf({ rows, numbers, strings }: RawBatch): Promise<{ values: Float32Array; width: number }> {
    const feeds: Record<string, InstanceType<typeof Tensor>> = {}
    if (model.numberColumns > 0) feeds.numbers = new Tensor('float64', numbers, [rows, model.numberColumns])
    if (model.stringColumns > 0) feeds.strings = new Tensor('string', strings, [rows, model.stringColumns])
    const found = (await session.run(feeds, [tensor]))[tensor]!
    return { values: found.data as Float32Array, width: found.dims[1]! }
  }

  const blank = {
    rows: 1,
    numbers: new Float64Array(model.numberColumns),
    strings: new Array<string>(model.stringColumns).fill(''),
  }
  const { width } = await featuresOf(blank)
  const ensemble = explainedEnsemble(node, width)
  if (!ensemble) {
    await session.release()
    return null
  }
  const shap: TreeShap = treeShap(ensemble)
  const { unit, divisor } = unitOf(graph, node)
  return {
    features: width,
    outputs: shap.outputs,
    expected: shap.expected.map((value) => value / divisor),
    unit,
    async explain(batch) {
      const values = shap.explain(batch.rows, (await featuresOf(batch)).values)
      if (divisor !== 1) for (let i = 0; i < values.length; i++) values[i]! /= divisor
      return { values }
    },
    close: () => session.release(),
  }
}

/** What is done to the sums on their way out. */
function unitOf(graph: OnnxGraph, trees: GraphNode): { unit: TreeUnit; divisor: number } {
  let tensor = trees.outputs[0]!
  let unit: TreeUnit = 'answer'
  let divisor = 1
  for (;;) {
    const next = graph.nodes.filter((node) => node.inputs.includes(tensor))
    const [only] = next
    if (graph.outputs.includes(tensor) && next.length === 0) return { unit, divisor }
    // Both classes from the positive one: 1 - p and p, side by side.
    const [complement, both] = [next.find((node) => node.op === 'Sub'), next.find((node) => node.op === 'Concat')]
    if (next.length === 2 && complement && both?.inputs.includes(complement.outputs[0]!)) tensor = both.outputs[0]!
    else if (next.length !== 1 || !only) return { unit: 'margin', divisor: 1 }
    else if (only.op === 'Identity') tensor = only.outputs[0]!
    else if (only.op === 'Sigmoid' && unit === 'answer' && divisor === 1) {
      unit = 'log_odds'
      tensor = only.outputs[0]!
    } else if (only.op === 'Div' && unit === 'answer' && graph.constants.get(only.inputs[1]!)?.length === 1) {
      divisor = graph.constants.get(only.inputs[1]!)![0]!
      tensor = only.outputs[0]!
    } else return { unit: 'margin', divisor: 1 }
  }
}
