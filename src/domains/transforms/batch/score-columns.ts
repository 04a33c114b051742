import type { Files } from '../../../ports/files/files.ts'
import type { Inference } from '../../../ports/inference/inference.ts'
import { shapeOf } from '../../../ports/inference/signature.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import { rowGroups } from './lay-rows.ts'
import type { Scoring } from './run-job.ts'
import { doneStretches, stretchesOf } from './stretches.ts'

export interface ScoreColumnsNeeds {
  files: Files
  tables: Tables
  inference: Pick<Inference, 'scoreTable'>
  registry: Pick<RegistryService, 'layPackage'>
}

/** Whole row groups of usual files; so few that a crash costs seconds. */
const rowsOfStretch = 122_880

/** A graph over cells: read, answered and written by the column, in processes of its own. */
export async function scoreColumns(
  { files, tables, inference, registry }: ScoreColumnsNeeds,
  { context, version, rows, plan, progress }: Scoring & { version: ModelVersion },
): Promise<string> {
  const { signal, checkpointFolder } = context
  const place = await files.makeFolder(context.folder, 'model')
  await registry.layPackage(version.id, place)
  const parts = doneStretches(files, checkpointFolder)
  const done = await parts.open()
  const groups = await rowGroups(tables, rows.path, signal)
  const all = stretchesOf(rows.rows, rowsOfStretch, groups)
  const waiting = all.filter(({ number }) => !done.has(number))
  progress(done, all)
  if (waiting.length === 0) return 'finished'
  const scorer = await inference.scoreTable({
    model: {
      file: files.resolvePath(place, 'model.onnx'),
      ...shapeOf(version.signature),
      trust: version.manifest.trust,
    },
    signature: version.signature,
    plan,
    folders: [parts.folder],
    files: [rows.path],
  })
  // What is stopped from outside ends with the lanes themselves.
  const stop = () => void scorer.close()
  signal.addEventListener('abort', stop, { once: true })
  const lane = async () => {
    for (let stretch = waiting.shift(); stretch; stretch = waiting.shift()) {
      signal.throwIfAborted()
      await parts.clear(stretch)
      const answered = await scorer.score({ source: rows.path, from: stretch.from, to: stretch.to, out: parts.file(stretch) })
      await parts.note(stretch, answered)
      done.set(stretch.number, answered)
      progress(done, all)
    }
  }
  try {
    await Promise.all(Array.from({ length: scorer.lanes }, lane))
    return `${scorer.runs === 'trees' ? 'walked trees' : 'ONNX Runtime'} in ${scorer.lanes} processes`
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    await scorer.close()
  }
}
