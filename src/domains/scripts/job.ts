import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { JobHandler } from '../jobs/handler.ts'
import type { JobsService } from '../jobs/service.ts'
import { type CodeFile, layCode, layForScript } from '../training/lay-for-script.ts'
import { readySplit } from '../training/ready-split.ts'
import { seriesRecorder } from '../training/series-recorder.ts'

export interface ScriptSpec extends Record<string, unknown> {
  runId: string
  runtime: RuntimeName
  seconds: number | null
  seed: number
  script: Record<string, unknown>
  code: CodeFile[]
  channels: { channel: string; splitId: string; part: 'train' | 'validation'; format: 'csv' | 'parquet' }[]
}

interface ScriptOutcome {
  artifacts: { path: string; sha256: string; sizeBytes: number; kind: string }[]
  metrics: Record<string, number>
}

const mostArtifacts = 1000

export const codeArtifacts = (code: readonly CodeFile[]) =>
  code.map(({ path, sha256, sizeBytes }) => ({ path: `code/${path}`, sha256, sizeBytes, kind: 'code' }))

/** The job `script`: a script of the user's own, with the channels it asked for; what it leaves becomes artifacts of its run. */
export function scriptJob(needs: {
  files: Files
  tables: Tables
  blobs: BlobStore
  jobs: Pick<JobsService, 'ended'>
  datasets: DatasetsService
  experiments: ExperimentsService
}): JobHandler<ScriptSpec, ScriptOutcome> {
  const { files, blobs, experiments } = needs
  return {
    kind: 'script',
    async run(context) {
      const { spec } = context
      for (const { splitId } of spec.channels) await readySplit(needs, context, splitId)
      const recorder = seriesRecorder(experiments, spec.runId)
      try {
        const { folder, result } = await context.runEngine({
          name: 'script',
          engine: 'script.train',
          runtime: spec.runtime,
          parameters: { script: spec.script },
          seed: spec.seed,
          onEvent: recorder.onEvent,
          limits: spec.seconds === null ? {} : { wallSeconds: spec.seconds },
          async prepare(data) {
            await layCode(needs, spec.code, data)
            for (const channel of spec.channels) await layForScript(needs, channel, data)
          },
        })
        const artifacts = []
        for (const [root, kind] of [
          ['model', 'model'],
          ['output/data', 'output'],
        ] as const)
          for (const { path } of (await files.list(folder, root)).slice(0, mostArtifacts - artifacts.length))
            artifacts.push({ path, ...(await blobs.put((await files.open(folder, path)).stream)), kind })
        return { artifacts, metrics: (result.metrics ?? {}) as Record<string, number> }
      } finally {
        await recorder.close()
      }
    },
    async publish(tx, { spec }, { artifacts, metrics }) {
      await experiments.closeRun(tx, spec.runId, { state: 'finished', artifacts: [...codeArtifacts(spec.code), ...artifacts] })
      return { run: spec.runId, metrics, artifacts: artifacts.length }
    },
    async unpublish(tx, { spec, state, failure }) {
      await experiments.closeRun(tx, spec.runId, { state, message: failure.message })
    },
    async requeued(tx, { spec }) {
      await experiments.reopenRun(tx, spec.runId)
    },
  }
}
