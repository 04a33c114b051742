import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Evaluation, ModelVersion } from '../../src/domains/registry/schema.ts'
import type { TrainingResult } from '../../src/domains/training/schema.ts'
import { trainingWorld } from '../training-world.ts'

const root = join(import.meta.dirname, '..', '..')

/** A served platform, and the steps of a life cycle on the tables in `examples/`. */
export async function exampleWorld() {
  const w = await trainingWorld()

  /** Adds a table of `examples/` under the name of its folder. */
  async function addExample(name: string, file: string, target: string): Promise<{ id: string; csv: string }> {
    const csv = await readFile(join(root, 'examples', name, file), 'utf8')
    return { id: (await w.addTable(name, csv, target)).id, csv }
  }

  /** Trains to the end; a job that fails fails the test with its own words. */
  async function trained(
    input: Parameters<typeof w.train>[0],
  ): Promise<{ job: string; result: TrainingResult; version: ModelVersion }> {
    const { id, state, failure, result } = await w.train(input)
    if (state !== 'succeeded') throw new Error(`The training ${state}: ${JSON.stringify(failure)}`)
    const done = result as unknown as TrainingResult
    return { job: id, result: done, version: await w.ask('GET', `/v1/models/${done.modelId}/versions/${done.version}`) }
  }

  async function deployed(name: string, model: string): Promise<any> {
    const made = await w.ask('POST', '/v1/endpoints', { name, model })
    for (let wait = 0; wait < 200; wait++) {
      const endpoint = await w.ask('GET', `/v1/endpoints/${made.id}`)
      if (endpoint.state === 'ready') return endpoint
      if (endpoint.state === 'failed') throw new Error(endpoint.message)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`The endpoint "${name}" is not ready after ten seconds.`)
  }

  async function drift(monitor: string, dataset?: string): Promise<any> {
    const { job } = await w.ask('POST', `/v1/monitors/${monitor}/run`, dataset ? { dataset } : {})
    const { state, failure, result } = await w.ended(job)
    if (state !== 'succeeded') throw new Error(`The monitor's run ${state}: ${JSON.stringify(failure)}`)
    return w.ask('GET', `/v1/reports/${(result as { report: string }).report}`)
  }

  /** Every figure of a version computed again by scikit-learn from the predictions it left: how many, and those that differ. */
  async function recomputed(of: {
    result: TrainingResult
    version: ModelVersion
  }): Promise<{ figures: number; differ: string[] }> {
    const python = process.env.ATOLL_TEST_PYTHON
    if (!python) throw new Error('ATOLL_TEST_PYTHON names no Python with scikit-learn (npm test sets it).')
    const { registry } = w.platform.domains
    const folder = await mkdtemp(join(tmpdir(), 'atoll-recompute-'))
    try {
      const { predictionsSha256 } = await registry.baseline(of.version.id)
      await w.platform.blobs.materialise(predictionsSha256!, join(folder, 'predictions.parquet'))
      const { evaluation, training } = (await w.ask(
        'GET',
        `/v1/models/${of.result.modelId}/versions/${of.result.version}/details`,
      )) as { evaluation: Evaluation; training: unknown }
      await writeFile(join(folder, 'evaluation.json'), JSON.stringify(evaluation))
      await writeFile(join(folder, 'training.json'), JSON.stringify(training))
      const oof = await fetch(`${w.server.url}/v1/runs/${of.result.run}/artifacts/oof.parquet`, {
        headers: { authorization: `Bearer ${w.token}` },
      })
      await writeFile(join(folder, 'oof.parquet'), Buffer.from(await oof.arrayBuffer()))
      const { stdout } = await promisify(execFile)(
        python,
        [
          join(root, 'python', 'tests', 'recompute_metrics.py'),
          'predictions.parquet',
          'evaluation.json',
          of.result.task,
          '--folds',
          'oof.parquet',
          'training.json',
        ],
        { cwd: folder },
      )
      return JSON.parse(stdout.trim().split('\n').at(-1)!)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  return { ...w, addExample, trained, deployed, drift, recomputed }
}

export type ExampleWorld = Awaited<ReturnType<typeof exampleWorld>>

/** The rows of a CSV without quotes, typed as an endpoint's signature asks. */
export function rowsOf(csv: string, inputs: { name: string; type: string }[]): Record<string, unknown>[] {
  const [header, ...lines] = csv.trim().split('\n')
  const names = header!.split(',')
  const types = new Map(inputs.map(({ name, type }) => [name, type]))
  return lines.map((line) => {
    const row: Record<string, unknown> = {}
    line.split(',').forEach((cell, i) => {
      const type = types.get(names[i]!)
      if (type) row[names[i]!] = cell === '' ? null : type === 'number' || type === 'integer' ? Number(cell) : cell
    })
    return row
  })
}
