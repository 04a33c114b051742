import type { ResourceLimits } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'
import type { EngineRun } from './handler.ts'

/** The folders of docs/job-contract.md, in a stage's folder. */
export async function layStage(files: Files, stage: string): Promise<void> {
  for (const path of ['input/config', 'input/data', 'checkpoints', 'output/data', 'model', 'native'])
    await files.makeFolder(stage, path)
  // Made, and opened, before anything runs: what is put in its place later is not read.
  await files.writeText(stage, 'output/events.jsonl', '')
}

/** What goes into `input/`. Afterwards the job finds everything it needs to know in its folder. */
export async function fillStage(
  files: Files,
  stage: string,
  job: { id: string; attempt: number; run: EngineRun; limits: ResourceLimits },
): Promise<void> {
  const { id, attempt, run, limits } = job
  await run.prepare(files.resolvePath(stage, 'input/data'))
  const channels: Record<string, { ContentType: string }> = {}
  for (const channel of await files.names(stage, 'input/data')) {
    const names = await files.names(stage, `input/data/${channel}`)
    const isTable = names.some((name) => name.endsWith('.parquet'))
    channels[channel] = { ContentType: isTable ? 'application/x-parquet' : 'application/octet-stream' }
  }
  const config = (name: string, value: unknown) => files.writeJson(stage, `input/config/${name}.json`, value)
  await config('job', { id, engine: run.engine, seed: run.seed, attempt, contract: 1 })
  await config('hyperparameters', run.parameters)
  await config('inputdataconfig', channels)
  await config('resourceconfig', { cpus: limits.cpus, memoryBytes: limits.memoryBytes, gpus: 0, current_host: 'local' })
}
