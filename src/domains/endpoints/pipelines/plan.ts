import type * as z from 'zod'
import { invalidInput, isPlatformError, PlatformError } from '../../../kernel/errors.ts'
import type { SignatureColumn } from '../../../ports/inference/signature.ts'
import type { Signature } from '../../registry/schema.ts'
import type { VersionToLoad } from '../serving.ts'
import { type AnsweredColumn, answeredColumns, fits, kindOf, type PipelineType } from './columns.ts'
import { compileExpression, type Expression, namesIn } from './expression.ts'
import type { CombineStep, ModelStep, PipelineSpec, PrepareStep, ThresholdStep } from './schema.ts'

export type Step = PipelineSpec['steps'][number]

/** What a step says of a row: classes with probabilities, a number, or a text; of nothing, columns alone. */
export interface StepAnswer {
  is: 'classes' | 'value' | 'text' | 'columns'
  classes: string[]
  positive: string | null
  threshold: number | null
}

export interface PlannedStep {
  step: Step
  answer: StepAnswer
  model: {
    version: VersionToLoad
    columns: AnsweredColumn[]
    /** The column for each input. */
    inputs: { input: SignatureColumn; column: string }[]
    when: Expression | null
    /** Asked by the cascade that it belongs to, for the rows that need it. */
    isDeferred: boolean
  } | null
  computed: { column: string; expression: Expression }[]
}

export interface PipelinePlan {
  spec: PipelineSpec
  steps: PlannedStep[]
  signature: Signature
  columns: { name: string; type: PipelineType; step: string | null }[]
}

interface Known {
  type: PipelineType
  step: string | null
  /** Of a column of the rows: how models read it. */
  input: SignatureColumn | null
}

export const isModel = (step: Step): step is z.output<typeof ModelStep> => 'model' in step
export const isCombine = (step: Step): step is z.output<typeof CombineStep> => 'combine' in step
export const isThreshold = (step: Step): step is z.output<typeof ThresholdStep> => 'threshold' in step

/** Reads a pipeline against the signatures of its models: which columns there are after each step, what it takes and says. What does not go together is refused by step and column. */
export function planPipeline(spec: PipelineSpec, versionOf: (step: string) => VersionToLoad): PipelinePlan {
  const known = new Map<string, Known>()
  const steps = new Map<string, PlannedStep>()
  for (const { name, type, nullable } of spec.inputs) addInput(name, rawColumn(name, type, nullable), 'inputs')
  addModelInputs()
  const cascades = new Map(
    spec.steps.flatMap((step) =>
      isCombine(step) && step.combine.how === 'first_confident'
        ? step.combine.of.slice(1).map((of) => [of, step.name] as const)
        : [],
    ),
  )

  for (const step of spec.steps) {
    if (steps.has(step.name)) throw refuse(step.name, 'there are two steps of this name.')
    const planned = isModel(step)
      ? modelStep(step)
      : isCombine(step)
        ? combineStep(step)
        : isThreshold(step)
          ? thresholdStep(step)
          : prepareStep(step)
    steps.set(step.name, planned)
  }
  const last = steps.get(spec.output.from)
  if (!last) throw invalidInput(`"output.from" names no step "${spec.output.from}".`, { field: 'output.from' })
  if (last.answer.is === 'columns')
    throw invalidInput(`The step "${spec.output.from}" says neither classes, a number nor a text, so it cannot be the answer.`, {
      field: 'output.from',
    })
  for (const [as, column] of Object.entries(spec.output.columns)) {
    const found = known.get(column)
    if (!found)
      throw invalidInput(`"output.columns.${as}": there is no column "${column}".`, { field: `output.columns.${as}`, column })
    if (found.type === 'image' || found.type === 'audio')
      throw invalidInput(`"output.columns.${as}": "${column}" is a file, which is not told.`, {
        field: `output.columns.${as}`,
        column,
      })
  }
  return {
    spec,
    steps: [...steps.values()],
    signature: { ...signatureOf(last.answer, [...steps.values()], inputs()), ...besideOf(spec, known) },
    columns: [...known].map(([name, { type, step }]) => ({ name, type, step })),
  }

  /** What models read and no step makes, the rows have: steps before the model may use it too. */
  function addModelInputs(): void {
    const made = new Set(
      spec.steps.flatMap((step) =>
        isModel(step) || isCombine(step) || isThreshold(step)
          ? []
          : [step.rename, step.set, step.compute].flatMap((columns) => Object.keys(columns ?? {})),
      ),
    )
    const names = new Set(spec.steps.map(({ name }) => name))
    for (const step of spec.steps) {
      if (!isModel(step)) continue
      for (const input of versionOf(step.name).signature.inputs) {
        const column = step.inputs[input.name] ?? input.name
        const isOfStep = column.includes('.') && names.has(column.slice(0, column.indexOf('.')))
        if (!known.has(column) && !made.has(column) && !isOfStep) addInput(column, { ...input, name: column }, step.name)
      }
    }
  }

  function modelStep(step: z.output<typeof ModelStep>): PlannedStep {
    const version = versionOf(step.name)
    const { signature } = version
    const stray = Object.keys(step.inputs).find((input) => !signature.inputs.some(({ name }) => name === input))
    if (stray !== undefined)
      throw refuse(
        step.name,
        `its model has no input "${stray}". It takes: ${signature.inputs.map(({ name }) => name).join(', ')}.`,
        stray,
      )
    const read = signature.inputs.map((input) => {
      const column = step.inputs[input.name] ?? input.name
      const found = known.get(column)
      if (!found) addInput(column, { ...input, name: column }, step.name)
      else {
        if (!fits(found.type, input))
          throw refuse(
            step.name,
            `its input "${input.name}" (${input.type}) cannot be the column "${column}" (${found.type}${found.step ? `, of the step "${found.step}"` : ''}).`,
            column,
          )
        if (found.input) widen(found.input, input)
        readColumn(step.name, column)
      }
      return { input, column }
    })
    const when = step.when === undefined ? null : expression(step.name, 'when', step.when)
    const columns = answeredColumns(signature)
    for (const { name, type } of columns) make(step.name, `${step.name}.${name}`, type)
    return {
      step,
      answer: answerOf(signature),
      model: { version, columns, inputs: read, when, isDeferred: cascades.has(step.name) },
      computed: [],
    }
  }

  function prepareStep(step: z.output<typeof PrepareStep>): PlannedStep {
    if (!step.rename && !step.set && !step.compute)
      throw refuse(step.name, 'it does nothing. Give it a model, combine, threshold, rename, set or compute.')
    const computed: PlannedStep['computed'] = []
    for (const [as, column] of Object.entries(step.rename ?? {})) {
      const found = known.get(column)
      if (!found)
        throw refuse(step.name, `there is no column "${column}" to rename. Declare it in "inputs" if the rows have it.`, column)
      readColumn(step.name, column)
      make(step.name, as, found.type)
    }
    for (const [column, value] of Object.entries(step.set ?? {}))
      make(step.name, column, typeof value === 'string' ? 'category' : typeof value === 'boolean' ? 'boolean' : 'number')
    for (const [column, source] of Object.entries(step.compute ?? {})) {
      const compiled = expression(step.name, `compute.${column}`, source)
      computed.push({ column, expression: compiled })
      make(step.name, column, compiled.kind === 'text' ? 'category' : 'number')
    }
    return { step, answer: nothing, model: null, computed }
  }

  function combineStep(step: z.output<typeof CombineStep>): PlannedStep {
    const { how, of, weights } = step.combine
    const members = of.map((name) => member(step.name, name))
    if (new Set(of).size < of.length) throw refuse(step.name, 'it combines a step with itself.')
    if (how === 'weighted' && weights?.length !== of.length)
      throw refuse(step.name, `it combines ${of.length} steps and has ${weights?.length ?? 0} weights.`)
    if (weights && !weights.some((weight) => weight > 0)) throw refuse(step.name, 'all its weights are 0.')
    const [first] = members
    const { is } = first!.answer
    const odd = members.find(({ answer }) => answer.is !== is || !sameClasses(answer.classes, first!.answer.classes))
    if (odd || is === 'columns')
      throw refuse(
        step.name,
        `"${of[0]}" says ${saidBy(first!.answer)}, and "${(odd ?? first)!.step.name}" ${saidBy((odd ?? first)!.answer)}: they cannot be combined.`,
      )
    if (is === 'text' && how !== 'vote') throw refuse(step.name, 'texts can only be voted on.')
    if (is === 'value' && (how === 'vote' || how === 'first_confident'))
      throw refuse(step.name, `numbers have no ${how === 'vote' ? 'votes' : 'confidence'}. Take average, weighted or max.`)
    const answer = { ...first!.answer, threshold: is === 'classes' ? 0.5 : null }
    makeAnswer(step.name, answer)
    return { step, answer, model: null, computed: [] }
  }

  function thresholdStep(step: z.output<typeof ThresholdStep>): PlannedStep {
    const { of, at, class: wanted } = step.threshold
    const { answer } = member(step.name, of)
    if (answer.is !== 'classes' || answer.classes.length !== 2)
      throw refuse(step.name, `a threshold is for two classes; "${of}" says ${saidBy(answer)}.`)
    if (wanted !== undefined && !answer.classes.includes(wanted))
      throw refuse(step.name, `"${of}" has no class "${wanted}". It has: ${answer.classes.join(', ')}.`)
    const mine = { ...answer, positive: wanted ?? answer.positive, threshold: at }
    makeAnswer(step.name, mine)
    return { step, answer: mine, model: null, computed: [] }
  }

  function member(step: string, name: string): PlannedStep {
    const found = steps.get(name)
    if (!found) throw refuse(step, `there is no step "${name}" before it.`)
    if (found.model?.isDeferred && cascades.get(name) !== step)
      throw refuse(
        step,
        `"${name}" is asked only where the cascade "${cascades.get(name)}" needs it, so it is not there for others.`,
      )
    return found
  }

  function makeAnswer(step: string, answer: StepAnswer): void {
    if (answer.is === 'value') make(step, `${step}.value`, 'number')
    else if (answer.is === 'text') make(step, `${step}.text`, 'text')
    else {
      make(step, `${step}.label`, 'category')
      for (const one of answer.classes) make(step, `${step}.probabilities.${one}`, 'number')
    }
  }

  function expression(step: string, field: string, source: string): Expression {
    try {
      for (const name of namesIn(source)) if (known.has(name)) readColumn(step, name)
      return compileExpression(source, (name) => {
        const found = known.get(name)
        return found ? kindOf(found.type) : null
      })
    } catch (error) {
      if (!isPlatformError(error)) throw error
      const { column } = error.facts
      const known_ = typeof column === 'string' && !known.has(column) ? ' Declare it in "inputs" if the rows have it.' : ''
      throw new PlatformError('invalid_input', `Step "${step}", ${field}: ${error.message}${known_}`, {
        ...error.facts,
        step,
        field,
      })
    }
  }

  function readColumn(step: string, column: string): void {
    const maker = known.get(column)?.step
    if (maker && steps.get(maker)?.model?.isDeferred)
      throw refuse(
        step,
        `the column "${column}" is there only for the rows for which the cascade "${cascades.get(maker)}" asks "${maker}".`,
        column,
      )
  }

  function make(step: string, column: string, type: PipelineType): void {
    const before = known.get(column)
    if (before)
      throw refuse(
        step,
        `it makes the column "${column}", which ${before.step ? `the step "${before.step}" makes` : 'the rows have'} already.`,
        column,
      )
    known.set(column, { type, step, input: null })
  }

  function addInput(column: string, input: SignatureColumn, step: string): void {
    if (column.includes('.') && steps.has(column.slice(0, column.indexOf('.'))))
      throw refuse(step, `the step "${column.slice(0, column.indexOf('.'))}" makes no column "${column}".`, column)
    const type = (input.type === 'id' ? 'category' : input.type) as PipelineType
    known.set(column, { type: input.tensor === 'tokens' ? 'text' : type, step: null, input: { ...input } })
  }

  function inputs(): SignatureColumn[] {
    const next: Record<string, number> = {}
    return [...known.values()].flatMap(({ input }) => {
      if (!input) return []
      const index = next[input.tensor] ?? 0
      next[input.tensor] = index + 1
      return [{ ...input, index }]
    })
  }
}

const nothing: StepAnswer = { is: 'columns', classes: [], positive: null, threshold: null }

function answerOf(signature: Signature): StepAnswer {
  const { task, classes, positive, threshold } = signature
  const is =
    task === 'binary' || task === 'multiclass'
      ? 'classes'
      : task === 'generation' || signature.decoding
        ? 'text'
        : answeredColumns(signature).some(({ name }) => name === 'value')
          ? 'value'
          : 'columns'
  return {
    ...nothing,
    is,
    ...(is === 'classes' && { classes: classes ?? [], positive: positive ?? classes?.[1] ?? null, threshold }),
  }
}

const sameClasses = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one) => b.includes(one))

const saidBy = ({ is, classes }: StepAnswer): string =>
  is === 'classes'
    ? `the classes ${classes.slice(0, 5).join(', ')}`
    : { value: 'a number', text: 'a text', columns: 'neither' }[is]

const refuse = (step: string, why: string, column?: string): Error =>
  invalidInput(`Step "${step}": ${why}`, { step, ...(column !== undefined && { column }) })

/** A column that several models read may be what any of them saw. */
function widen(mine: SignatureColumn, other: SignatureColumn): void {
  mine.nullable &&= other.nullable
  const bound = (pick: (...values: number[]) => number, a?: number | null, b?: number | null) =>
    a == null || b == null ? null : pick(a, b)
  mine.min = bound(Math.min, mine.min, other.min)
  mine.max = bound(Math.max, mine.max, other.max)
  if (mine.categories && other.categories) mine.categories = [...new Set([...mine.categories, ...other.categories])]
  else mine.categories = null
  if (mine.type === 'number' && other.type === 'integer') mine.type = 'integer'
}

function rawColumn(name: string, type: string, nullable: boolean): SignatureColumn {
  const isText = type === 'category' || type === 'text'
  return { name, type, tensor: isText ? 'strings' : 'numbers', index: 0, nullable, min: null, max: null, categories: null }
}

function signatureOf(answer: StepAnswer, steps: readonly PlannedStep[], inputs: SignatureColumn[]): Signature {
  const target = steps.find(({ model }) => model)?.model?.version.signature.target ?? null
  const common = { target, tolerance: 0, inputs: inputs as Signature['inputs'] }
  if (answer.is === 'value') return { ...common, task: 'regression', classes: null, positive: null, threshold: null }
  if (answer.is === 'text') return { ...common, task: 'seq2seq', classes: null, positive: null, threshold: null, outputs: [] }
  const isBinary = answer.classes.length === 2
  return {
    ...common,
    task: isBinary ? 'binary' : 'multiclass',
    classes: answer.classes,
    positive: isBinary ? answer.positive : null,
    threshold: isBinary ? answer.threshold : null,
  }
}

/** What is told beside the answer, with its kind. */
function besideOf({ output }: PipelineSpec, known: ReadonlyMap<string, Known>): Pick<Signature, 'beside'> {
  const beside = Object.entries(output.columns).map(([name, column]) => {
    const { type } = known.get(column)!
    const isNumber = type === 'number' || type === 'integer'
    return { name, kind: isNumber ? ('number' as const) : type === 'boolean' || type === 'list' ? type : ('text' as const) }
  })
  return beside.length > 0 ? { beside } : {}
}
