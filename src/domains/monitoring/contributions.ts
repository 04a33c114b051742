import { preconditionFailed } from '../../kernel/errors.ts'
import type { Predictions } from '../evaluation/statistics/predictions.ts'
import { ExplainInput } from '../explanations/schema.ts'
import type { ExplanationsService } from '../explanations/service.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { Answer } from './answers.ts'
import type { Contributions, Vectors } from './checks/check.ts'

const rowsAtOnce = 100

/** What each input contributed to the answers of rows of both times. */
export async function contributionsOf(
  explanations: Pick<ExplanationsService, 'explainVersion'>,
  version: ModelVersion,
  { before, now }: { before: Record<string, unknown>[]; now: Record<string, unknown>[] },
): Promise<Contributions> {
  const { id, number, modelName, signature, manifest } = version
  const columns = signature.inputs.map(({ name }) => name)
  const explainable = { id, number, modelName, served: manifest.kind, trust: manifest.trust, signature }
  async function explained(rows: Record<string, unknown>[]): Promise<number[][]> {
    const found: number[][] = []
    for (let from = 0; from < rows.length; from += rowsAtOnce) {
      const input = ExplainInput.parse({ rows: rows.slice(from, from + rowsAtOnce) })
      for (const { contributions } of (await explanations.explainVersion(explainable, input)).explanations) {
        const of = new Map(contributions.map(({ column, contribution }) => [column, contribution]))
        found.push(columns.map((column) => of.get(column) ?? 0))
      }
    }
    return found
  }
  return { columns, before: await explained(before), now: await explained(now) }
}

/** A probability of nothing is as far from the rest as one in ten thousand. */
const least = 1e-4

/** The vectors that a model answers, else the log probabilities of its classes. */
export function vectorsOf(
  version: Pick<ModelVersion, 'signature' | 'task'>,
  now: readonly Answer[],
  before: readonly Answer[] | Predictions,
): Vectors {
  const { classes } = version.signature
  const isAnswers = (one: readonly Answer[] | Predictions): one is readonly Answer[] => Array.isArray(one)
  if (now.some(({ said }) => said.vector) && isAnswers(before)) {
    const of = (answers: readonly Answer[]) => answers.flatMap(({ said }) => (said.vector ? [said.vector] : []))
    return { before: of(before), now: of(now), what: 'the vectors that the model makes of them' }
  }
  if (classes === null)
    throw preconditionFailed(
      version.task === 'embedding' || version.task === 'projection'
        ? 'What the model made of its training items is not kept as vectors. Choose a baseline of traffic for this monitor.'
        : `The model answers neither vectors nor probabilities of classes (${version.task}).`,
      {},
    )
  const ofAnswers = (answers: readonly Answer[]) =>
    answers.flatMap(({ said }) =>
      said.probabilities ? [classes.map((name) => Math.log(least + (said.probabilities![name] ?? 0)))] : [],
    )
  const ofSealed = (sealed: Predictions) =>
    sealed.kind === 'numbers'
      ? []
      : Array.from(sealed.actual, (_, row) =>
          classes.map((_, k) => Math.log(least + sealed.probabilities[row * classes.length + k]!)),
        )
  return {
    before: isAnswers(before) ? ofAnswers(before) : ofSealed(before),
    now: ofAnswers(now),
    what: "the probabilities of the model's classes",
  }
}
