import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { preconditionFailed } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Inference } from '../../../ports/inference/inference.ts'
import type { MeasuredModel } from '../../../ports/inference/measure/measured-model.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import { drawRows } from '../../explanations/background.ts'
import type { JobContext, JobHandler } from '../../jobs/handler.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { Measured } from '../schema.ts'
import { keepMeasurement } from '../store.ts'
import { asRequests } from './request-rows.ts'

export interface LadderSpec extends Record<string, unknown> {
  versionIds: string[]
  repetitions: number
  seed: number
}

export interface MeasureNeeds {
  files: Files
  tables: Tables
  inference: Inference
  datasets: Pick<DatasetsService, 'layPart'>
  registry: Pick<RegistryService, 'resolveVersion' | 'layPackage'>
}

/** Rows that are asked about, again and again. */
const rowsDrawn = 64
const manyRows = 32
/** Requests of one row before the next version's turn: what slows the machine for a while slows all of them. */
const onesPerTurn = 20
/** For each request of many rows so many of one row. */
const onesPerMany = 10
const warmUps = 20
/** A version so slow that its turns take longer is asked less often. */
const mostSecondsEach = 20

/** The job `ladder`: opens versions side by side, each in a process of its own, and asks them in turns. */
export function measureJob(needs: MeasureNeeds): JobHandler<LadderSpec, { versionId: string; measured: Measured }[]> {
  const { files, inference, registry } = needs
  return {
    kind: 'ladder',
    async run(context) {
      const { spec } = context
      const versions = await Promise.all(spec.versionIds.map((id) => registry.resolveVersion(context.principal, id)))
      const rungs: Rung[] = []
      try {
        for (const [i, version] of versions.entries()) {
          context.progress('open', i, versions.length, `${version.modelName}:${version.number}`)
          rungs.push(await open(context, version))
        }
        return await measure(context, rungs)
      } finally {
        await Promise.all(rungs.map(({ model }) => model.close()))
      }
    },
    async publish(tx, _context, found) {
      for (const { versionId, measured } of found) await keepMeasurement(tx, versionId, measured)
      return { versions: found.map(({ versionId }) => versionId) }
    },
  }

  async function open(context: JobContext<LadderSpec>, version: ModelVersion): Promise<Rung> {
    const served = version.parity?.served ?? 'onnx'
    if (version.manifest.kind === 'external')
      throw preconditionFailed(
        `${version.modelName}:${version.number} answers elsewhere, so its speed is that of another machine.`,
        { version: version.id },
      )
    if (served === 'gguf')
      throw preconditionFailed(
        `${version.modelName}:${version.number} is of llama.cpp, whose speed in tokens a second is not measured here.`,
        { version: version.id },
      )
    const folder = await files.makeFolder(context.folder, version.id)
    await registry.layPackage(version.id, folder, { sandboxOnly: served === 'python' })
    const { signature, manifest } = version
    const requests = await requestsFor(context, version)
    const model = await inference.openMeasured({ folder, signature, trust: manifest.trust, served, engine: manifest.engine })
    const ones = requests.map((row) => [row])
    const many = Array.from({ length: manyRows }, (_, i) => requests[i % requests.length]!)
    await model.ask(ones.slice(0, warmUps))
    await model.ask([many, many])
    return { version, model, ones, many, oneMs: [], manyMs: [], energyWh: 0, rows: 0 }
  }

  /** Training rows as a client would send them: how fast an answer is says nothing about the sealed ones. */
  async function requestsFor(context: JobContext<LadderSpec>, { split, signature }: ModelVersion): Promise<unknown[]> {
    const folder = files.resolvePath(context.folder, `rows-${split}`)
    if (!(await files.exists(context.folder, `rows-${split}`))) await needs.datasets.layPart(split, 'train', folder)
    const rows = await drawRows(needs, { folder, signature, rows: rowsDrawn, seed: context.spec.seed })
    return asRequests(files, { folder, signature, rows })
  }
}

interface Rung {
  version: ModelVersion
  model: MeasuredModel
  ones: unknown[][]
  many: unknown[]
  oneMs: number[]
  manyMs: number[]
  /** null once a counter could not be read. */
  energyWh: number | null
  rows: number
}

async function measure(context: JobContext<LadderSpec>, rungs: Rung[]): Promise<{ versionId: string; measured: Measured }[]> {
  const rounds = Math.ceil(context.spec.repetitions / onesPerTurn)
  const load = loadavg()[0]!
  for (let round = 0; round < rounds; round++) {
    context.progress('measure', round, rounds, `${rungs.length} versions in turns`)
    // Each round begins with another version, so that none is always the first.
    for (let i = 0; i < rungs.length; i++) {
      context.signal.throwIfAborted()
      const rung = rungs[(i + round) % rungs.length]!
      if (secondsOf(rung) < mostSecondsEach) await turn(rung, round)
    }
  }
  const at = new Date().toISOString()
  const [processor] = cpus()
  const machine = {
    processor: processor?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    load: Number(load.toFixed(2)),
  }
  const found = []
  for (const { version, model, oneMs, manyMs, energyWh, rows } of rungs) {
    const many = spread(manyMs)
    const measured: Measured = {
      one: spread(oneMs),
      many: { ...many, rows: manyRows, rowsPerSecond: (1000 * manyRows) / many.p50Ms },
      place: model.place,
      peakMemoryBytes: await model.memoryBytes(),
      energyWhPerThousandRows: energyWh === null ? null : (1000 * energyWh) / rows,
      repetitions: oneMs.length,
      rounds,
      machine,
      job: context.jobId,
      at,
    }
    found.push({ versionId: version.id, measured })
  }
  return found
}

async function turn(rung: Rung, round: number): Promise<void> {
  const { model, ones, many } = rung
  const asked = Array.from({ length: onesPerTurn }, (_, i) => ones[(round * onesPerTurn + i) % ones.length]!)
  const one = await model.ask(asked)
  const several = await model.ask(Array.from({ length: onesPerTurn / onesPerMany }, () => many))
  rung.oneMs.push(...one.ms)
  rung.manyMs.push(...several.ms)
  rung.rows += onesPerTurn + (onesPerTurn / onesPerMany) * many.length
  rung.energyWh =
    rung.energyWh === null || one.energyWh === null || several.energyWh === null
      ? null
      : rung.energyWh + one.energyWh + several.energyWh
}

const secondsOf = ({ oneMs, manyMs }: Rung): number => [...oneMs, ...manyMs].reduce((sum, ms) => sum + ms, 0) / 1000

const spread = (ms: readonly number[]): { p50Ms: number; p95Ms: number } => {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { p50Ms: at(0.5), p95Ms: at(0.95) }
}
