import type * as z from 'zod'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Split } from '../datasets/schema.ts'
import { parityRows } from '../evaluation/parity-rows.ts'
import type { Goal, GoalOutcome } from '../goals/schema.ts'
import { type TrainingFacts, writeCard } from '../registry/card.ts'
import { isOpenFile, type PackageSource, storePackage } from '../registry/package.ts'
import type { Derived, Evaluation, Manifest, Parity, Signature } from '../registry/schema.ts'
import { finiteMetrics } from './finite-metrics.ts'
import { engineOf, type TrainingSpec } from './spec.ts'

export interface Evidence {
  spec: TrainingSpec
  fitFolder: string
  evaluateFolder: string
  /** Files of the package that were made of what the model says. */
  understoodFolder: string
  sealedOpenedAt: string
  parity: z.infer<typeof Parity>
  split: Split
  goal: Goal | null
  derived: Derived | null
  dataset: { rows: number | null; columns: number }
  judge(metrics: Evaluation['metrics']): Promise<GoalOutcome | null>
}

/** A finished package in the blob store, and the figures that a version is registered with. */
export interface Assembled {
  manifest: z.infer<typeof Manifest>
  signature: Signature
  training: TrainingFacts
  evaluation: Evaluation
  outcome: GoalOutcome | null
  predictionsSha256: string
  validation: Record<string, { mean: number; std: number | null }>
  learningCurve: LearningCurve | null
  /** What the run keeps beside the package. */
  artifacts: { path: string; sha256: string; sizeBytes: number; kind: string }[]
}

/** learning_curve.json (docs/job-contract.md). */
export interface LearningCurve {
  metric: string
  points: { rows: number; train: number; validation: number }[]
}

/** Puts a package together from what the stages left: engine files as they are, evaluation, certificate, card. */
export async function assemblePackage(
  { files, blobs }: { files: Files; blobs: BlobStore },
  evidence: Evidence,
): Promise<Assembled> {
  const { spec, fitFolder, evaluateFolder, understoodFolder, parity } = evidence
  const signature = (await files.readJson(fitFolder, 'model/signature.json')) as Signature
  const training = (await files.readJson(fitFolder, 'model/training.json')) as TrainingFacts
  const raw = (await files.readJson(evaluateFolder, 'data/evaluation.json', 64 * 2 ** 20)) as Evaluation
  const evaluation = { ...raw, metrics: finiteMetrics(raw.metrics) }
  const outcome = await evidence.judge(evaluation.metrics)
  const card = writeCard({
    name: spec.modelName,
    versionId: spec.versionId,
    task: spec.parameters.task,
    algorithm: training.algorithm,
    metric: spec.parameters.metric,
    goal: evidence.goal,
    derived: evidence.derived,
    outcome,
    dataset: { name: spec.datasetName, number: spec.datasetVersionNumber, ...evidence.dataset },
    split: evidence.split,
    signature,
    training,
    evaluation,
    parity,
    sealedOpenedAt: evidence.sealedOpenedAt,
    weights: spec.weights ?? null,
  })
  const left = (await files.list(fitFolder, 'model')).map(({ path }) => path.replace(/^model\//, '')).filter(isOpenFile)
  const open: PackageSource[] = [
    ...left.map((path) => ({ path, root: fitFolder, at: `model/${path}` })),
    ...(await files.list(understoodFolder)).map(({ path }) => ({ path, root: understoodFolder, at: path })),
    { path: 'evaluation.json', text: JSON.stringify(evaluation) },
    { path: 'parity.json', text: JSON.stringify(parity, null, 1) },
    { path: 'card.md', text: card },
  ]
  const manifest = await storePackage(
    { files, blobs },
    {
      kind: parity.served,
      engine: engineOf(spec),
      open,
      sandboxOnly: (await files.list(fitFolder, 'native')).map(({ path }) => ({
        path: nativePath(path),
        root: fitFolder,
        at: nativePath(path),
      })),
      evidence: await parityRows(files, files.resolvePath(evaluateFolder, 'data')),
    },
  )
  const predictions = await blobs.put((await files.open(evaluateFolder, 'data/predictions.parquet')).stream)
  const validation = Object.fromEntries(
    Object.entries(training.validation)
      .filter(([, { mean }]) => Number.isFinite(mean))
      .map(([name, { mean, std }]) => [name, { mean, std: typeof std === 'number' && Number.isFinite(std) ? std : null }]),
  )
  const learningCurve = (await files.exists(fitFolder, 'data/learning_curve.json'))
    ? ((await files.readJson(fitFolder, 'data/learning_curve.json')) as LearningCurve | null)
    : null
  const artifacts = manifest.files.map((file) => ({ ...file, kind: 'package' }))
  for (const name of ['trials.json', 'oof.parquet', 'learning_curve.json', 'embeddings.parquet'])
    if (await files.exists(fitFolder, `data/${name}`))
      artifacts.push({ path: name, ...(await blobs.put((await files.open(fitFolder, `data/${name}`)).stream)), kind: 'evidence' })
  return {
    learningCurve,
    artifacts,
    manifest,
    signature,
    training,
    evaluation,
    outcome,
    predictionsSha256: predictions.sha256,
    validation,
  }
}

const nativePath = (path: string): string => (path.startsWith('native/') ? path : `native/${path}`)
