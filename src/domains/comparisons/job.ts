import type { Files } from '../../ports/files/files.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { EvaluationService } from '../evaluation/service.ts'
import { lowerIsBetter } from '../goals/schema.ts'
import type { JobContext, JobHandler } from '../jobs/handler.ts'
import type { JobsService } from '../jobs/service.ts'
import { readySplit } from '../training/ready-split.ts'
import { comparisonVerdict, judgeScores, type Scores } from './judge-scores.ts'
import type { ComparisonSpec } from './plan.ts'
import type { ComparisonResult } from './schema.ts'

/** The job `comparison`: every candidate on every fold of every repeat, of training rows alone; then the verdict. */
export function comparisonJob(needs: {
  files: Files
  jobs: Pick<JobsService, 'ended'>
  datasets: DatasetsService
  evaluation: Pick<EvaluationService, 'compare'>
}): JobHandler<ComparisonSpec, ComparisonResult> {
  const { files, datasets } = needs
  return {
    kind: 'comparison',
    async run(context) {
      const { spec } = context
      const split = await readySplit(needs, context, spec.splitId)
      const parts = (['train', 'validation'] as const).filter(
        (name) => name === 'train' || split.parts.some(({ part, rows }) => part === name && rows > 0),
      )
      const { folder } = await context.runEngine({
        name: 'compare',
        engine: 'tabular.compare',
        runtime: spec.runtime,
        parameters: {
          ...spec.parameters,
          repeats: spec.repeats,
          candidates: spec.candidates.map(({ name, algorithm, params, recipe }) => ({ name, algorithm, params, recipe })),
        },
        seed: spec.seed,
        async prepare(data) {
          for (const part of parts) await datasets.layPart(spec.splitId, part, files.resolvePath(data, part))
        },
      })
      const scores = (await files.readJson(folder, 'output/data/comparison.json')) as Scores
      const pairs = judgeScores(scores, spec.delta)
      return {
        metric: scores.metric,
        greaterIsBetter: !lowerIsBetter.has(scores.metric),
        rows: scores.rows,
        repeats: scores.repeats,
        folds: scores.folds,
        seed: spec.seed,
        division: scores.division,
        candidates: scores.candidates.map((one) => ({ ...one, ...spreadOf(one.scores.flat()) })),
        pairs,
        sealed: await onSealedRows(context),
        sentence: comparisonVerdict(
          scores.candidates.map(({ name }) => name),
          pairs,
        ),
      }
    },
    publish: async (_tx, _context, outcome) => outcome,
  }

  /** Versions against each other on rows that no fold holds; nothing is opened again. */
  async function onSealedRows({ principal, spec }: JobContext<ComparisonSpec>): Promise<ComparisonResult['sealed']> {
    const versions = spec.candidates.flatMap(({ versionId }) => versionId ?? [])
    const found: ComparisonResult['sealed'] = []
    for (const [at, a] of versions.entries())
      for (const b of versions.slice(at + 1)) {
        const compared = await needs.evaluation.compare(principal, { a, b, metric: spec.parameters.metric }).catch(() => null)
        if (compared) found.push(compared)
      }
    return found
  }
}

function spreadOf(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  return { mean, std: Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, values.length - 1)) }
}
