import type * as z from 'zod'
import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { minutes } from '../../kernel/time.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference, RawScores } from '../../ports/inference/inference.ts'
import { positiveIndex } from '../../ports/inference/label.ts'
import { compilePrediction, type RowPrediction } from '../../ports/inference/row-prediction.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { type Attributed, attribute, rowAt } from './attribute.ts'
import { dependenceOf } from './dependence-of.ts'
import { explainedOutput } from './global.ts'
import { limeRow } from './lime-row.ts'
import { scaled } from './methods/game.ts'
import { type Explainable, type OpenedVersion, openedVersions } from './opened-versions.ts'
import type { DependenceInput, ExplainInput, ExplainOutput, Explanation } from './schema.ts'

export interface ExplanationsNeeds {
  files: Files
  inference: Inference
  registry: {
    resolveVersion(by: Principal, ref: string, project?: string): Promise<ModelVersion>
    layPackage(versionId: string, folder: string, options?: { sandboxOnly?: boolean }): Promise<void>
  }
  /** Where packages are laid out while they are asked. */
  folder: string
}

export type ExplanationsService = ReturnType<typeof explanationsService>
type Input = z.output<typeof ExplainInput>

const mostMs = minutes(1)

/** Why a version answers as it does: contributions of raw columns, asked of a copy of the model apart from what serves. */
export function explanationsService({ files, inference, registry, folder }: ExplanationsNeeds) {
  const opened = openedVersions({ files, inference, layPackage: registry.layPackage, folder })

  /** Explains rows to someone who may ask this version. */
  async function explainVersion(version: Explainable, input: Input): Promise<ExplainOutput> {
    return opened.using(version, async (one) => {
      const { batch, warnings } = await one.encoder.encode(input.rows ?? [input.row])
      const until = performance.now() + mostMs
      const explanations: z.infer<typeof Explanation>[] = []
      const rows = input.rows ?? [input.row!]
      for (let r = 0; r < batch.rows; r++) {
        if (performance.now() > until)
          throw new PlatformError(
            'timeout',
            `${r} of ${batch.rows} rows were explained within a minute. Send fewer rows at once, or fewer "rounds".`,
            { explained: r },
          )
        const row = rowAt(batch, r, one.shape)
        const scores = await one.model.predict(row)
        const prediction = compilePrediction(one.version.signature)(scores, 0)
        if (input.method === 'lime' || (input.method === 'auto' && readsOneItem(one)))
          explanations.push(await limeExplanation(one, rows[r]!, scores, prediction, input))
        else explanations.push(explanationOf(one, rows[r]!, await attribute(one, row, input), prediction, input))
      }
      return {
        model: version.modelName,
        version: version.number,
        backgroundRows: one.background instanceof PlatformError ? 0 : one.background.rows,
        explanations,
        warnings,
      }
    })
  }

  async function explain(by: Principal, ref: string, input: Input, project?: string): Promise<ExplainOutput> {
    return explainVersion(explainable(await registry.resolveVersion(by, ref, project)), input)
  }

  /** How the answer of a version moves with one of its columns, or two. */
  async function dependence(by: Principal, ref: string, input: z.output<typeof DependenceInput>, project?: string) {
    const version = await registry.resolveVersion(by, ref, project)
    return opened.using(explainable(version), (one) => dependenceOf(one, input))
  }

  return { explain, explainVersion, dependence, close: opened.close }
}

const explainable = (version: ModelVersion): Explainable => ({
  id: version.id,
  number: version.number,
  modelName: version.modelName,
  served: version.manifest.kind,
  trust: version.manifest.trust,
  signature: version.signature,
})

function explanationOf(
  one: OpenedVersion,
  row: Record<string, unknown>,
  found: Attributed,
  prediction: RowPrediction,
  { output: wanted, top, scale }: Input,
): z.infer<typeof Explanation> {
  const { classes, inputs } = one.version.signature
  const output = wanted === undefined ? explainedOutput(one, found.answer) : outputNamed(classes, wanted)
  const width = found.answer.length
  // Trees of two classes have one sum, for the positive class; the other class's is the opposite.
  const isOneOfTwo = width === 1 && classes?.length === 2
  const [at, sign] = isOneOfTwo ? [0, output === positiveIndex(one.version.signature) ? 1 : -1] : [output, 1]
  const unit = found.unit ?? scale
  // Of an answer the opposite is what is left to 1; of log odds it is the negative.
  const shown = (value: number): number => (sign === 1 ? value : unit === 'answer' ? 1 - value : -value)
  const all = inputs
    .map(({ name }, c) => ({
      column: name,
      value: row[name] ?? null,
      contribution: sign * found.values[c * width + at]!,
      error: found.errors === null || Number.isNaN(found.errors[c * width + at]!) ? null : found.errors[c * width + at]!,
    }))
    .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
  const kept = all.slice(0, top ?? all.length)
  return {
    ...prediction,
    output: classes?.[output] ?? null,
    base: shown(found.base[at]!),
    answer: shown(found.answer[at]!),
    contributions: kept,
    rest: all.slice(kept.length).reduce((sum, { contribution }) => sum + contribution, 0),
    method: found.method,
    evaluations: found.evaluations,
    scale: unit,
    ...(found.features && {
      features: found.features.names
        .map((feature, f) => ({ feature, contribution: sign * found.features!.values[f * width + at]! }))
        .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
        .slice(0, 50),
    }),
  }
}

/** Whether the model reads nothing but one text or image: there are no columns to weigh, only its parts. */
const readsOneItem = ({ version: { signature } }: OpenedVersion): boolean =>
  signature.inputs.length === 1 &&
  (signature.inputs[0]!.type === 'text' || ['image', 'tokens'].includes(signature.inputs[0]!.tensor))

async function limeExplanation(
  one: OpenedVersion,
  row: Record<string, unknown>,
  scores: RawScores,
  prediction: RowPrediction,
  input: Input,
): Promise<z.infer<typeof Explanation>> {
  const { classes } = one.version.signature
  const output = input.output === undefined ? explainedOutput(one, scores.values) : outputNamed(classes, input.output)
  const { scale, seed, samples, column, top } = input
  const line = await limeRow(one, row, { output, scale, seed, samples, column })
  const all = line.parts
    .map(({ name, shown }, p) => ({ column: name, value: shown, contribution: line.weights[p]!, error: null }))
    .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
  const kept = all.slice(0, top ?? all.length)
  const answer = scaled(scores, scale)[output]!
  return {
    ...prediction,
    output: classes?.[output] ?? null,
    base: line.intercept,
    answer,
    contributions: kept,
    rest: answer - kept.reduce((sum, { contribution }) => sum + contribution, line.intercept),
    method: 'lime',
    evaluations: line.samples,
    scale,
    fit: line.fit,
  }
}

function outputNamed(classes: readonly string[] | null, wanted: string): number {
  const output = classes?.indexOf(wanted) ?? -1
  if (output >= 0) return output
  throw invalidInput(
    classes
      ? `The model knows no class "${wanted}"; it knows ${classes.join(', ')}.`
      : 'The model answers a number, which has no classes.',
    { field: 'output' },
  )
}
