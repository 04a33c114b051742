import { invalidInput, isPlatformError, PlatformError } from '../../../kernel/errors.ts'
import { binaryRule, firstLargest } from '../../../ports/inference/label.ts'
import type { RowPrediction } from '../../../ports/inference/row-prediction.ts'
import { combineRow, type StepResult } from './combine.ts'
import type { StepFigures } from './figures.ts'
import { isCombine, isModel, isThreshold, type PipelinePlan, type PlannedStep, type StepAnswer } from './plan.ts'

export type Row = Record<string, unknown>

/** A model of a pipeline, opened. */
export interface Member {
  memoryBytes: number
  ask(rows: readonly Row[], signal?: AbortSignal): Promise<(RowPrediction & Record<string, unknown>)[]>
  close(): Promise<void>
}

/** What a pipeline says of a row. */
export interface PipelineAnswer {
  /** In the order of the signature's classes; or the one number; empty for a text. */
  values: number[]
  text?: string
  outputs: Record<string, unknown> | null
  steps: Record<string, Record<string, unknown>> | null
}

/** Lets rows go through the steps, all rows through a step before the next. */
export async function runPipeline(
  plan: PipelinePlan,
  members: ReadonlyMap<string, Member>,
  given: readonly Row[],
  { figures, signal }: { figures: StepFigures; signal?: AbortSignal },
): Promise<PipelineAnswer[]> {
  const rows = given.map((row): Row => Object.assign(Object.create(null), row))
  const everyRow = rows.map((_, r) => r)
  const results = new Map<string, (StepResult | null)[]>()
  const traces = plan.spec.trace ? rows.map((): Record<string, Record<string, unknown>> => ({})) : null

  for (const planned of plan.steps) {
    if (planned.model?.isDeferred) {
      results.set(
        planned.step.name,
        rows.map(() => null),
      )
      continue
    }
    const { name } = planned.step
    const start = performance.now()
    const asked = planned.model?.when ? everyRow.filter((r) => planned.model!.when!.evaluate(rows[r]!)) : everyRow
    results.set(name, await doStep(planned, asked))
    settle(planned, performance.now() - start, asked)
  }
  const last = plan.steps.find(({ step }) => step.name === plan.spec.output.from)!
  return rows.map((row, r) => answerOf(last, row, r))

  async function doStep(planned: PlannedStep, asked: readonly number[]): Promise<(StepResult | null)[]> {
    const { step } = planned
    if (isModel(step)) return askModel(planned, asked)
    if (isCombine(step))
      return step.combine.how === 'first_confident' ? cascade(planned) : rows.map((_, r) => combined(planned, r))
    if (isThreshold(step)) {
      const of = results.get(step.threshold.of)!
      return of.map((result) => result && { ...result, label: labelOf(planned.answer, result.probabilities!) })
    }
    for (const [as, column] of Object.entries(step.rename ?? {})) for (const row of rows) row[as] = row[column]
    for (const [column, value] of Object.entries(step.set ?? {})) for (const row of rows) row[column] = value
    for (const { column, expression } of planned.computed) for (const row of rows) row[column] = expression.evaluate(row)
    return rows.map(() => null)
  }

  async function askModel({ step, model, answer }: PlannedStep, asked: readonly number[]): Promise<(StepResult | null)[]> {
    const found = rows.map((): StepResult | null => null)
    if (asked.length === 0) return found
    const sent = asked.map((r) => Object.fromEntries(model!.inputs.map(({ input, column }) => [input.name, rows[r]![column]])))
    const predictions = await members
      .get(step.name)!
      .ask(sent, signal)
      .catch((error) => Promise.reject(placed(error, step.name, asked)))
    for (const [i, r] of asked.entries()) {
      const prediction = predictions[i]!
      for (const { name, of } of model!.columns) rows[r]![`${step.name}.${name}`] = of(prediction) ?? null
      found[r] = resultOf(answer, prediction)
    }
    return found
  }

  function combined({ step, answer }: PlannedStep, r: number): StepResult | null {
    if (!isCombine(step)) return null
    const { of, how, weights } = step.combine
    const said = of.flatMap((name, i) => {
      const result = results.get(name)![r]
      const classes = plan.steps.find((one) => one.step.name === name)!.answer.classes
      return result ? [{ ...inOrder(result, classes, answer.classes), weight: how === 'weighted' ? weights![i]! : 1 }] : []
    })
    const result = combineRow(how, said, answer.classes)
    return result?.probabilities ? { ...result, label: labelOf(answer, result.probabilities) } : result
  }

  /** Asks one model after the other, each only about the rows of which none before it was sure. */
  async function cascade({ step, answer }: PlannedStep): Promise<(StepResult | null)[]> {
    if (!isCombine(step)) return []
    const found = rows.map((): StepResult | null => null)
    let open = everyRow
    for (const name of step.combine.of) {
      const member = plan.steps.find((one) => one.step.name === name)!
      const start = performance.now()
      if (member.model?.isDeferred) results.set(name, await askModel(member, open))
      const said = results.get(name)!
      for (const r of open) {
        const one = said[r]
        if (!one) continue
        const ordered = inOrder(one, member.answer.classes, answer.classes)
        found[r] = { ...ordered, label: labelOf(answer, ordered.probabilities!), by: name }
      }
      if (member.model?.isDeferred) settle(member, performance.now() - start, open)
      open = open.filter((r) => Math.max(...(found[r]?.probabilities ?? [0])) < step.combine.confidence)
      if (open.length === 0) break
    }
    return found
  }

  /** A step's answers as columns, its time, and what is told of it. */
  function settle({ step, answer, model }: PlannedStep, ms: number, asked: readonly number[]): void {
    figures.record(step.name, ms, asked.length)
    const said = results.get(step.name)!
    for (const r of asked) {
      const result = said[r]
      if (!model && result) {
        if (result.probabilities) {
          rows[r]![`${step.name}.label`] = result.label
          for (const [k, one] of answer.classes.entries()) rows[r]![`${step.name}.probabilities.${one}`] = result.probabilities[k]
        }
        if (result.value !== undefined) rows[r]![`${step.name}.value`] = result.value
        if (result.text !== undefined) rows[r]![`${step.name}.text`] = result.text
      }
      if (traces) traces[r]![step.name] = { ...told(answer, result ?? null), ms: Number(ms.toFixed(3)) }
    }
  }

  function answerOf({ step, answer }: PlannedStep, row: Row, r: number): PipelineAnswer {
    const result = results.get(step.name)![r]
    if (!result)
      throw invalidInput(`Row ${r} has no answer: no step that "${step.name}" rests on was asked about it.`, {
        row: r,
        step: step.name,
      })
    const columns = Object.entries(plan.spec.output.columns)
    return {
      values: answer.is === 'classes' ? result.probabilities! : answer.is === 'value' ? [result.value!] : [],
      ...(answer.is === 'text' && { text: result.text ?? '' }),
      outputs: columns.length > 0 ? Object.fromEntries(columns.map(([as, column]) => [as, row[column] ?? null])) : null,
      steps: traces && traces[r]!,
    }
  }
}

function resultOf({ is, classes }: StepAnswer, prediction: RowPrediction): StepResult | null {
  if (is === 'classes')
    return { probabilities: classes.map((one) => prediction.probabilities?.[one] ?? 0), label: prediction.label }
  if (is === 'value') return { value: prediction.value }
  return is === 'text' ? { text: prediction.text ?? '' } : null
}

/** Probabilities in the order of other classes of the same names. */
const inOrder = (result: StepResult, classes: readonly string[], wanted: readonly string[]): StepResult =>
  result.probabilities ? { ...result, probabilities: wanted.map((one) => result.probabilities![classes.indexOf(one)]!) } : result

function labelOf({ classes, positive, threshold }: StepAnswer, probabilities: readonly number[]): string {
  const values = Float32Array.from(probabilities)
  const signature = { task: 'binary', classes, positive, threshold, inputs: [] }
  return classes[classes.length === 2 ? binaryRule(signature)(values, 0) : firstLargest(values, 0, classes.length)]!
}

function told({ classes }: StepAnswer, result: StepResult | null): Record<string, unknown> {
  if (!result) return {}
  const { probabilities, label, value, text, by } = result
  return {
    ...(label !== undefined && { label }),
    ...(probabilities && { probabilities: Object.fromEntries(classes.map((one, k) => [one, probabilities[k]])) }),
    ...(value !== undefined && { value }),
    ...(text !== undefined && { text }),
    ...(by !== undefined && { by }),
  }
}

/** A model's refusal of a row, by the row of the request and the step. */
function placed(error: unknown, step: string, asked: readonly number[]): unknown {
  if (!isPlatformError(error)) return error
  const { row } = error.facts
  const at = typeof row === 'number' ? asked[row] : undefined
  const message = error.message.replace(/^Row \d+/, `Row ${at ?? row}`)
  return new PlatformError(
    error.code,
    `${message} (step "${step}")`,
    { ...error.facts, step, ...(at !== undefined && { row: at }) },
    { cause: error },
  )
}
