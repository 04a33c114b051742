import type * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { defaultMetric, refuseMetricOfOtherTask } from '../goals/metrics.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { comparePredictions, comparisonSentence } from './compare-predictions.ts'
import { isUnjudgedByRow } from './paired-outputs.ts'
import { pairedPredictions } from './paired-predictions.ts'
import type { CompareInput, VersionComparison } from './schema.ts'

export interface EvaluationNeeds {
  registry: Pick<RegistryService, 'resolveVersion' | 'baseline'>
  blobs: BlobStore
  files: Files
  tables: Tables
  /** For copies of predictions where blobs are not local files. */
  folder: string
}

export type EvaluationService = ReturnType<typeof evaluationService>

/** Judgements of versions: one against another on the same sealed rows, from what they said when those were opened. */
export function evaluationService(needs: EvaluationNeeds) {
  const { registry } = needs

  async function compare(
    by: Principal,
    input: z.output<typeof CompareInput>,
    project?: string,
  ): Promise<z.infer<typeof VersionComparison>> {
    const a = await registry.resolveVersion(by, input.a, project)
    const b = await registry.resolveVersion(by, input.b, project)
    refuseUnlike(a, b)
    const metric = input.metric ?? a.goalOutcome?.metric ?? defaultMetric(a.task)
    refuseMetricOfOtherTask(metric, a.task, a.target)
    const [saidA, saidB] = [await predictionsOf(a), await predictionsOf(b)]
    const paired = await pairedPredictions(needs, { a: saidA, b: saidB, signature: a.signature })
    const compared = await comparePredictions(paired, metric)
    const names = { a: nameOf(a), b: nameOf(b) }
    return {
      a: { version: a.id, name: names.a, value: compared.a },
      b: { version: b.id, name: names.b, value: compared.b },
      metric,
      rows: compared.rows,
      difference: compared.difference,
      test: compared.test,
      significant: compared.significant,
      sentence: comparisonSentence(names, metric, compared),
    }
  }

  async function predictionsOf(version: ModelVersion): Promise<string> {
    const { predictionsSha256 } = await registry.baseline(version.id)
    if (predictionsSha256 === null)
      throw preconditionFailed(`${nameOf(version)} was not judged on sealed rows here, so it cannot be compared.`, {
        version: version.id,
      })
    return predictionsSha256
  }

  return { compare }
}

const nameOf = ({ modelName, number }: ModelVersion): string => `${modelName}:${number}`

function refuseUnlike(a: ModelVersion, b: ModelVersion): void {
  if (a.id === b.id) throw invalidInput(`${nameOf(a)} is the same as itself. Name two versions.`, { field: 'b' })
  const facts = { a: a.id, b: b.id }
  if (a.target !== b.target || a.task !== b.task)
    throw preconditionFailed(
      `${nameOf(a)} predicts "${a.target}" and ${nameOf(b)} "${b.target}"; there is nothing to compare.`,
      facts,
    )
  if (a.split !== b.split)
    throw preconditionFailed(
      `${nameOf(a)} and ${nameOf(b)} were judged on different rows (splits ${a.split} and ${b.split}), so a difference could be due to the rows. Train both on one split: a goal gives all its models the same.`,
      { ...facts, splits: [a.split, b.split] },
    )
  if (isUnjudgedByRow(a.signature))
    throw preconditionFailed(
      `${nameOf(a)} and ${nameOf(b)} have no answers that are right or wrong by row, so no paired test can be made. Compare their figures on the sealed rows.`,
      facts,
    )
  const classes = (version: ModelVersion) => JSON.stringify(version.signature.classes)
  if (classes(a) !== classes(b))
    throw preconditionFailed(`${nameOf(a)} and ${nameOf(b)} know different classes of "${a.target}".`, {
      ...facts,
      classes: [a.signature.classes, b.signature.classes],
    })
}
