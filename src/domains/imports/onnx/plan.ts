import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { Task } from '../../goals/schema.ts'
import type { Signature, SignatureInput } from '../../registry/schema.ts'
import { shown } from '../inspect/byte-source.ts'
import type { OnnxFacts, OnnxValue } from '../inspect/onnx.ts'
import { typeName } from '../inspect/onnx-parts.ts'
import type { ImportAnswers, Missing } from '../schema.ts'
import { planTensors, takesTensors } from './tensors.ts'

type Input = z.infer<typeof SignatureInput>

/** One input of the graph, and the columns of the platform's tensors that become it. */
export interface InputPlan {
  name: string
  type: number
  /** Sizes that the graph's input has, null for the rows. */
  shape: (number | null)[]
  from: 'numbers' | 'strings' | 'as it is'
  first: number
  width: number
}

/** The tensor of the graph that becomes an output, and how. */
export interface OutputPlan {
  name: string
  tensor: string
  type: number
  width: number
  make: 'as it is' | 'softmax' | 'sigmoid' | 'pair' | 'pair of sigmoid'
}

/** How a graph from elsewhere is put behind the platform's inputs and before its outputs. */
export interface OnnxPlan {
  signature: Signature
  inputs: InputPlan[]
  outputs: OutputPlan[]
}

const FLOAT = 1
const FLOAT16 = 10
export const STRING = 8
export const numeric: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 7, 9, 11, 12])
const tokenInputs: ReadonlySet<string> = new Set(['input_ids', 'attention_mask', 'token_type_ids'])
const tasks = ['binary', 'multiclass', 'regression', 'multilabel', 'embedding'] as const
/** Operators whose result is probabilities, and those that only pass on what they are given. */
const probable = /^(Softmax|Sigmoid|ai\.onnx\.ml\.(ZipMap|TreeEnsembleClassifier|LinearClassifier|SVMClassifier|Normalizer))$/
const passing = /^(Cast|Identity|Reshape|Squeeze|Unsqueeze|Concat|Flatten|ArgMax|Clip|Div|Slice)$/
const linear = /^(Gemm|MatMul|Add|ai\.onnx\.ml\.LinearRegressor)$/
/** Columns of one input: more are a picture or a sound, not a row. */
const mostColumns = 20_000

/**
 * Derives how an ONNX graph is asked: rows of columns as numbers and texts, or text as tokens where a tokenizer lies beside it.
 * What the graph does not say and the person did not, is missing.
 */
export function planOnnx(
  onnx: OnnxFacts,
  answers: ImportAnswers,
  more: { path: string; hasTokenizer: boolean; sampleColumns: { name: string; type: string }[] | null },
): { plan: OnnxPlan; missing: [] } | { plan: null; missing: Missing[] } {
  const missing: Missing[] = []
  const need = (field: string, why: string, choices: readonly string[] = []) =>
    missing.push({ field, why, choices: [...choices] })
  const inputs = takesTensors(onnx, answers) ? planTensors(onnx, answers, more.path, need) : planInputs(onnx, answers, more, need)
  const task = settleTask(answers, need)
  const output = planOutput(onnx, answers, task, more.path, need)
  if (missing.length > 0 || !output || !inputs) return { plan: null, missing }
  const { classes } = output
  const isBinary = task === 'binary'
  const rowsPerRun = Math.min(...inputs.plans.map(({ shape }) => shape[0] ?? Number.POSITIVE_INFINITY))
  return {
    missing: [],
    plan: {
      inputs: inputs.plans,
      outputs: [output.plan],
      signature: {
        task: task!,
        target: answers.target ?? null,
        classes,
        positive: isBinary ? positiveOf(classes!, answers.positive) : null,
        threshold: isBinary ? (answers.threshold ?? 0.5) : null,
        tolerance: 1e-4,
        inputs: inputs.columns,
        ...(task === 'embedding' && { outputs: [{ name: 'vector', width: output.plan.width }] }),
        ...(Number.isFinite(rowsPerRun) && { rowsPerRun }),
      },
    },
  }
}

/** What the numbers of a graph are for, which only the person says. */
export function settleTask({ task }: ImportAnswers, need: Need): Task | null {
  if (task === undefined) {
    need('task', 'The graph answers numbers and does not say what they are for.', tasks)
    return null
  }
  if (!(tasks as readonly string[]).includes(task))
    throw invalidInput(
      `An ONNX graph can be brought for ${tasks.join(', ')}; "${task}" takes more than a graph: what its numbers mean differs from network to network.`,
      { field: 'task' },
    )
  return task
}

export const refusedInput = (path: string) => (one: OnnxValue, why: string) =>
  invalidInput(`The input "${shown(one.name)}" of "${path}" (${typeName(one.type)} ${sizesOf(one.shape)}) ${why}`, {
    input: shown(one.name),
  })

export type Need = (field: string, why: string, choices?: readonly string[]) => void

function planInputs(
  onnx: OnnxFacts,
  answers: ImportAnswers,
  {
    path,
    hasTokenizer,
    sampleColumns,
  }: { path: string; hasTokenizer: boolean; sampleColumns: { name: string; type: string }[] | null },
  need: Need,
): { plans: InputPlan[]; columns: Input[] } | null {
  const refused = refusedInput(path)
  if (onnx.inputs.length === 0) throw invalidInput(`The graph of "${path}" has no input.`, { file: path })
  if (onnx.inputs.every(({ name, type }) => tokenInputs.has(name) && type === 7)) {
    if (!hasTokenizer)
      throw invalidInput(
        `"${path}" takes tokens (${onnx.inputs.map(({ name }) => name).join(', ')}). Bring the folder in which tokenizer.json lies beside it.`,
        {
          file: path,
        },
      )
    const fixed = onnx.inputs.find(({ shape }) => typeof shape?.[1] === 'number')
    if (fixed) throw refused(fixed, 'takes texts of one length only. Export it with a free number of tokens.')
    const column: Input = {
      name: answers.columns !== 'numbered' ? (answers.columns?.[0] ?? 'text') : 'text',
      type: 'text',
      tensor: 'tokens',
      index: 0,
      nullable: false,
      maxLength: 512,
      pad: 0,
    }
    const plans = onnx.inputs.map(
      ({ name, type, shape }): InputPlan => ({ name, type, shape: shape ?? [null, null], from: 'as it is', first: 0, width: 0 }),
    )
    return { plans, columns: [column] }
  }
  const plans: InputPlan[] = []
  let numbers = 0
  let strings = 0
  for (const one of onnx.inputs) {
    if (one.kind !== 'tensor' || !one.shape) throw refused(one, 'is no tensor of known sizes; such graphs are not served.')
    if (one.shape.length < 1 || one.shape.length > 2) throw refused(one, 'is no row of columns.')
    if (one.shape[0] !== null && one.shape[0] !== undefined && one.shape[0] !== 1 && one.shape.length === 2)
      throw refused(one, `takes ${one.shape[0]} rows at once, no more and no fewer. Export it with a free number of rows.`)
    const width = one.shape.length === 1 ? 1 : (one.shape[1] ?? givenWidth(onnx, answers, sampleColumns))
    if (width === null) {
      need('columns', `The input "${shown(one.name)}" takes any number of columns: say their names, or bring a sample.`)
      return null
    }
    const isText = one.type === STRING
    if (!isText && !numeric.has(one.type)) throw refused(one, 'holds numbers of a kind that rows do not have.')
    if (width > mostColumns)
      throw refused(one, `has more than ${mostColumns} columns. Bring it as one over tensors (takes: tensor).`)
    plans.push({
      name: one.name,
      type: one.type,
      shape: one.shape,
      from: isText ? 'strings' : 'numbers',
      first: isText ? strings : numbers,
      width,
    })
    if (isText) strings += width
    else numbers += width
  }
  const names = columnNames(plans, answers, sampleColumns, need)
  if (!names) return null
  let at = 0
  const columns = plans.flatMap((plan) =>
    Array.from({ length: plan.width }, (_, k): Input => {
      const name = names[at++]!
      return {
        name,
        type: typeOf(plan.type),
        tensor: plan.from as 'numbers' | 'strings',
        index: plan.first + k,
        nullable: plan.type === FLOAT || plan.type === 11 || plan.type === STRING,
      }
    }),
  )
  return { plans, columns }
}

/** How many columns a lone input has that takes any number of them. */
function givenWidth(
  onnx: OnnxFacts,
  { columns, target, expected }: ImportAnswers,
  sampleColumns: { name: string }[] | null,
): number | null {
  if (onnx.inputs.length > 1) return null
  if (Array.isArray(columns)) return columns.length
  return sampleColumns?.filter(({ name }) => name !== target && name !== expected).length ?? null
}

/** Names of the columns, in the order in which the graph takes them. */
function columnNames(
  plans: readonly InputPlan[],
  { columns, target, expected }: ImportAnswers,
  sampleColumns: { name: string; type: string }[] | null,
  need: Need,
): string[] | null {
  const total = plans.reduce((sum, { width }) => sum + width, 0)
  const wide = plans.filter(({ width }) => width !== 1)
  if (columns === 'numbered') return Array.from({ length: total }, (_, i) => `x${i}`)
  // A graph with an input for each column names them itself.
  if (!columns && wide.length === 0 && total > 1) return plans.map(({ name }) => name)
  const sampled = sampleColumns?.map(({ name }) => name).filter((name) => name !== target && name !== expected)
  const given = columns ?? sampled
  if (!given) {
    need(
      'columns',
      `It takes ${total} columns and does not say their names. Name them in its order, bring a sample, or say "numbered".`,
    )
    return null
  }
  if (given.length !== total)
    throw invalidInput(
      `The graph takes ${total} columns; ${columns ? `${given.length} names were given` : `the sample has ${given.length} beside ${[target, expected].filter(Boolean).join(', ') || 'what it answers'}`}.`,
      { field: columns ? 'columns' : 'sample', wanted: total, given: given.length },
    )
  const twice = given.find((name, i) => given.indexOf(name) !== i)
  if (twice !== undefined) throw invalidInput(`The column "${twice}" is named twice.`, { field: 'columns' })
  return [...given]
}

export const typeOf = (type: number): string =>
  type === STRING ? 'category' : type === 9 ? 'boolean' : type === 1 || type === 11 ? 'number' : 'integer'

export function planOutput(
  onnx: OnnxFacts,
  answers: ImportAnswers,
  task: Task | null,
  path: string,
  need: Need,
): { plan: OutputPlan; classes: string[] | null } | null {
  const scores = onnx.outputs.map((one) => scoreOf(one, onnx, task)).filter((one) => one !== null)
  if (scores.length === 0)
    throw invalidInput(
      onnx.outputs.some(({ shape }) => (shape?.length ?? 0) > 2)
        ? `The graph of "${path}" answers each row with a table of numbers (${onnx.outputs.map(({ name, shape }) => `${shown(name)} ${sizesOf(shape)}`).join(', ')}): boxes, masks or marks, which differ from network to network and are not imported. As vectors (task: embedding) they can be, where all their sizes are fixed.`
        : `The graph of "${path}" has no output of numbers (${onnx.outputs.map(({ name }) => shown(name)).join(', ')}).`,
      { file: path },
    )
  if (task === null) return null
  const isClasses = task === 'binary' || task === 'multiclass' || task === 'multilabel'
  const score =
    (isClasses
      ? (scores.find(({ name }) => /prob|scores/i.test(name)) ?? scores.find(({ name }) => /logits/i.test(name)))
      : undefined) ??
    (isClasses ? scores.find(({ name, type }) => type === FLOAT && !/label/i.test(name)) : undefined) ??
    scores.find(({ name }) => !/label/i.test(name)) ??
    scores[0]!
  let width = score.width
  const classes = isClasses ? classesOf(answers, score.classes ?? onnx.classes, width, need) : null
  if (isClasses && !classes) return null
  width ??= isClasses ? classes!.length : task === 'regression' ? 1 : null
  if (width === null) {
    need('columns', `The output "${shown(score.name)}" has no known number of values; export the graph with its size.`)
    return null
  }
  if (!isClasses) {
    if (task === 'regression' && width !== 1)
      throw invalidInput(`A regression has one value a row; the output "${shown(score.name)}" has ${width}.`, { field: 'task' })
    const name = task === 'regression' ? 'prediction' : 'vector'
    return { plan: { name, tensor: score.tensor, type: score.type, width, make: 'as it is' }, classes: null }
  }
  const kind = answers.scores ?? kindOf(score.name, score.tensor, onnx)
  if (!kind) {
    need(
      'scores',
      `What the output "${shown(score.name)}" says is not seen from its graph: probabilities, or numbers before softmax or sigmoid.`,
      ['probabilities', 'logits'],
    )
    return null
  }
  const isPair = task === 'binary' && width === 1
  if (!isPair && width !== classes!.length)
    throw invalidInput(
      `The output "${shown(score.name)}" has ${width} values a row for ${classes!.length} classes (${classes!.slice(0, 5).join(', ')}).`,
      {
        field: 'classes',
      },
    )
  const make = isPair
    ? kind === 'logits'
      ? 'pair of sigmoid'
      : 'pair'
    : kind === 'probabilities'
      ? 'as it is'
      : task === 'multilabel'
        ? 'sigmoid'
        : 'softmax'
  return { plan: { name: 'probabilities', tensor: score.tensor, type: score.type, width: isPair ? 2 : width, make }, classes }
}

interface Score {
  name: string
  /** The tensor that holds it: of a list of dictionaries, what they were made of. */
  tensor: string
  type: number
  width: number | null
  classes: string[] | null
}

/** An output of numbers; what a graph wraps in dictionaries is taken before it is wrapped. */
function scoreOf(one: OnnxValue, onnx: OnnxFacts, task: Task | null): Score | null {
  const made = onnx.madeBy[one.name]
  if (one.kind === 'sequence' || one.kind === 'map')
    return made?.operator === 'ai.onnx.ml.ZipMap' && made.inputs[0]
      ? { name: one.name, tensor: made.inputs[0], type: FLOAT, width: made.classes?.length ?? null, classes: made.classes }
      : null
  if (one.kind !== 'tensor' || !(numeric.has(one.type) || one.type === FLOAT16)) return null
  const [, ...sizes] = one.shape ?? []
  if (sizes.length > 1 && !sizes.slice(1).every((size) => size === 1)) {
    // Of a vector it does not matter how its numbers lie, if there are always as many.
    const isFixed = task === 'embedding' && sizes.every((size) => size !== null)
    if (!isFixed) return null
    return { ...named(one), width: sizes.reduce((product, size) => product * size!, 1) }
  }
  return { ...named(one), width: one.shape === null ? null : one.shape.length < 2 ? 1 : sizes[0]! }
}

const named = ({ name, type }: OnnxValue) => ({ name, tensor: name, type, classes: null })

function classesOf(answers: ImportAnswers, told: string[] | null, width: number | null, need: Need): string[] | null {
  const classes = answers.classes ?? told
  if (classes) return classes
  need(
    'classes',
    `It answers ${width === null ? 'scores' : width === 1 ? 'one score' : `${width} scores`} and does not say of which classes; name them in their order.`,
  )
  return null
}

/** What scores are, by the operator that makes them. */
function kindOf(name: string, tensor: string, onnx: OnnxFacts): 'probabilities' | 'logits' | null {
  if (/logits/i.test(name)) return 'logits'
  let at = onnx.madeBy[tensor]
  for (let step = 0; at && step < 20; step++) {
    if (probable.test(at.operator)) return 'probabilities'
    if (linear.test(at.operator)) return 'logits'
    if (!passing.test(at.operator)) break
    at = onnx.madeBy[at.inputs.find((input) => onnx.madeBy[input]) ?? '']
  }
  return /prob/i.test(name) ? 'probabilities' : null
}

function positiveOf(classes: readonly string[], wanted: string | undefined): string {
  if (wanted === undefined) return classes[1]!
  if (classes.includes(wanted)) return wanted
  throw invalidInput(`"${wanted}" is no class of it; these are ${classes.join(', ')}.`, { field: 'positive' })
}

const sizesOf = (shape: (number | null)[] | null) =>
  shape ? `[${shape.map((size) => size ?? 'any').join(', ')}]` : 'of any size'
