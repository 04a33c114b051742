import { createInterface } from 'node:readline'
import type * as z from 'zod'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ParityExpected } from '../evaluation/parity.ts'
import { decidingOf } from '../evaluation/uncertainty/answer.ts'
import { judge, uncertaintyOf } from '../evaluation/uncertainty/judge.ts'
import { readPredictions } from '../evaluation/uncertainty/read-predictions.ts'
import { backgroundRows, drawRows, readsPlainColumns } from '../explanations/background.ts'
import { globalShap } from '../explanations/global.ts'
import { openPackage } from '../explanations/opened-versions.ts'
import type { JobContext } from '../jobs/handler.ts'
import type { Parity, Signature } from '../registry/schema.ts'
import { engineOf, type TrainingSpec } from './spec.ts'

export interface UnderstandNeeds {
  files: Files
  tables: Tables
  inference: Inference
  datasets: Pick<DatasetsService, 'layPart'>
}

export interface Fitted {
  signature: Signature
  parity: z.infer<typeof Parity>
  fitFolder: string
  evaluateFolder: string
}

const explainedRows = 200
const mostMs = 20_000

/**
 * *understand*: what explaining will need (background rows), and how much each column matters over held-out rows, asked of the graph that will serve.
 * Leaves background.json and shap.json in `into`. A model that cannot be explained so is registered all the same.
 */
export async function understand(
  { files, tables, inference, datasets }: UnderstandNeeds,
  context: JobContext<TrainingSpec>,
  { signature, parity, fitFolder, evaluateFolder }: Fitted,
  into: string,
): Promise<void> {
  if (!readsPlainColumns(signature)) return
  const { spec } = context
  const train = files.resolvePath(context.folder, 'background')
  await datasets.layPart(spec.splitId, 'train', train)
  const rows = await drawRows({ files, tables }, { folder: train, signature, rows: backgroundRows, seed: spec.seed })
  await files.remove(train)
  await files.writeJson(into, 'background.json', { rows, from: 'train', seed: spec.seed })

  await files.copy({ root: fitFolder, path: 'model' }, { root: context.folder, path: 'explained' })
  const served = files.resolvePath(context.folder, 'explained')
  await files.copy({ root: into, path: 'background.json' }, { root: served, path: 'background.json' })
  if (parity.served === 'python') await files.copy({ root: fitFolder, path: 'native' }, { root: served, path: 'native' })
  await files.writeJson(served, 'manifest.json', { engine: engineOf(spec) })
  const version = {
    id: spec.versionId,
    number: 0,
    modelName: spec.modelName,
    served: parity.served,
    trust: 'built' as const,
    signature,
  }
  const opened = await openPackage({ files, inference }, version, served)
  try {
    const { batch } = await opened.encoder.encode(await heldOutRows(files, evaluateFolder, explainedRows))
    if (batch.rows === 0) return
    await files.writeJson(
      into,
      'shap.json',
      await globalShap(opened, batch, { seed: spec.seed, until: performance.now() + mostMs }),
    )
  } finally {
    await opened.close()
    await files.remove(served)
  }
}

/** What the out-of-fold predictions say of how wrong the model is, and whether it holds on the sealed rows. Leaves uncertainty.json in `into`. */
export async function measureUncertainty(
  { files, tables }: Pick<UnderstandNeeds, 'files' | 'tables'>,
  { signature, fitFolder, evaluateFolder }: Omit<Fitted, 'parity'>,
  into: string,
): Promise<void> {
  const isClasses = (signature.task === 'binary' || signature.task === 'multiclass') && (signature.classes?.length ?? 0) > 1
  if ((!isClasses && signature.task !== 'regression') || !(await files.exists(fitFolder, 'data/oof.parquet'))) return
  const outOfFold = await readPredictions(tables, files.resolvePath(fitFolder, 'data/oof.parquet'), signature)
  if (!outOfFold) return
  const deciding = decidingOf(signature)
  const uncertainty = await uncertaintyOf(outOfFold, deciding)
  const sealed = await readPredictions(tables, files.resolvePath(evaluateFolder, 'data/predictions.parquet'), signature)
  await files.writeJson(into, 'uncertainty.json', { ...uncertainty, test: sealed && judge(uncertainty, sealed, deciding) })
}

/** The first held-out rows of the parity check, as a client would send them. */
async function heldOutRows(files: Files, folder: string, most: number): Promise<unknown[]> {
  const { kinds } = (await files.readJson(folder, 'data/parity_expected.json', 512 * 2 ** 20)) as ParityExpected
  const { stream } = await files.open(folder, 'data/parity_rows.jsonl')
  const rows: unknown[] = []
  let at = 0
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (rows.length === most) break
    if (line === '') continue
    if (kinds[at++] === 'held_out') rows.push(JSON.parse(line))
  }
  stream.destroy()
  return rows
}
