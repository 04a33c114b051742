import { buffer } from 'node:stream/consumers'
import { identifier } from '../../../ports/tables/sql.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import { defaultMetric } from '../../goals/metrics.ts'
import type { GoalsService } from '../../goals/service.ts'
import type { JobContext, JobHandler } from '../../jobs/handler.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import type { LoopPolicy } from '../schema.ts'
import type { JudgeEvidence } from './evidence.ts'
import { judgePair } from './judge-pair.ts'
import { type PairedRow, pairUp } from './pair-up.ts'
import { type AskedVersion, type AskNeeds, openVersion, readRows, saidOf } from './predict-rows.ts'

export interface JudgeSpec extends Record<string, unknown> {
  run: string
  champion: string
  challenger: string
  goal: string
  split: string
  rules: LoopPolicy['judge']
}

export interface JudgeNeeds extends AskNeeds {
  datasets: Pick<DatasetsService, 'openSealed' | 'split'>
  goals: Pick<GoalsService, 'get'>
  registry: Pick<RegistryService, 'versionById' | 'layPackage'>
}

/** The job `loop.judge`: champion and challenger answer the same sealed rows, as they would serve, and are compared row by row. */
export function judgeJob(needs: JudgeNeeds): JobHandler<JudgeSpec, JudgeEvidence> {
  const { files, tables, datasets, goals, registry } = needs

  async function run(context: JobContext<JudgeSpec>): Promise<JudgeEvidence> {
    const { spec, principal, signal, folder } = context
    const [champion, challenger] = [await registry.versionById(spec.champion), await registry.versionById(spec.challenger)]
    const goal = await goals.get(principal, spec.goal)
    context.progress('open', 0, 2, 'The sealed rows are opened for champion and challenger.')
    let place = ''
    for (const [name, version] of Object.entries({ champion, challenger })) {
      const opening = { version: version.id, reason: `judged by the loop run ${spec.run}`, job: context.jobId }
      place = await files.makeFolder(folder, `sealed/${name}`)
      await datasets.openSealed(null, principal, spec.split, opening, place)
    }
    context.progress('ask', 1, 2, 'Both answer them as they would serve.')
    const asked = await answers({ champion, challenger }, { ...spec, target: goal.target! }, context, place)
    await files.remove(folder, 'sealed')
    const pair = pairUp(asked.rows, champion.signature, challenger.signature)
    const sizeOf = ({ manifest }: ModelVersion) =>
      manifest.files.reduce((sum, { path, sizeBytes }) => sum + (path.startsWith('model') ? sizeBytes : 0), 0)
    signal.throwIfAborted()
    return judgePair({
      ...pair,
      names: { champion: nameOf(champion), challenger: nameOf(challenger) },
      metric: spec.rules.metric ?? goal.metric ?? defaultMetric(goal.task),
      rules: spec.rules,
      sizeBytes: { champion: sizeOf(champion), challenger: sizeOf(challenger) },
      microsecondsPerRow: asked.microseconds,
      groups: spec.rules.fairness ? pair.groups : null,
    })
  }

  async function answers(
    versions: { champion: ModelVersion; challenger: ModelVersion },
    { rules, target }: { rules: JudgeSpec['rules']; target: string },
    { folder, signal }: JobContext,
    place: string,
  ): Promise<{ rows: PairedRow[]; microseconds: { champion: number; challenger: number } }> {
    const isNumber = versions.champion.signature.classes === null
    const group = rules.fairness ? `${identifier(rules.fairness.column)}::VARCHAR` : 'NULL'
    const truth = isNumber ? identifier(target) : `${identifier(target)}::VARCHAR`
    const rows: PairedRow[] = []
    const times = { champion: [] as number[], challenger: [] as number[] }
    const open: Partial<Record<'champion' | 'challenger', AskedVersion>> = {}
    try {
      open.champion = await openVersion(needs, versions.champion, folder)
      open.challenger = await openVersion(needs, versions.challenger, folder)
      const { champion, challenger } = open as Required<typeof open>
      const timed = async (side: 'champion' | 'challenger', batch: readonly Record<string, unknown>[]) => {
        const from = performance.now()
        const scores = await open[side]!.ask(batch)
        times[side].push(((performance.now() - from) * 1000) / batch.length)
        return scores
      }
      const pages = readRows(tables, {
        table: `${place}/data.parquet`,
        file: async (path) => buffer((await files.open(place, `media/${path}`)).stream),
        signatures: [champion.signature, challenger.signature],
        more: [truth, group],
        order: '__row',
        folder,
        signal,
      })
      let page = 0
      for await (const { rows: batch, more } of pages) {
        signal.throwIfAborted()
        // Each goes first as often as the other, so that neither has the warmer machine.
        const order = page++ % 2 === 0 ? (['champion', 'challenger'] as const) : (['challenger', 'champion'] as const)
        const scores = { [order[0]]: await timed(order[0], batch), [order[1]]: await timed(order[1], batch) } as Record<
          'champion' | 'challenger',
          Awaited<ReturnType<AskedVersion['ask']>>
        >
        batch.forEach((_, i) => {
          const [actual, groupName] = more[i] as [string | number | null, string | null]
          if (actual === null) return
          rows.push({
            truth: actual,
            champion: saidOf(champion.signature, scores.champion, i),
            challenger: saidOf(challenger.signature, scores.challenger, i),
            group: groupName,
          })
        })
      }
    } finally {
      await open.champion?.close()
      await open.challenger?.close()
    }
    return { rows, microseconds: { champion: median(times.champion), challenger: median(times.challenger) } }
  }

  return { kind: 'loop.judge', run, publish: async (_tx, _context, evidence) => evidence }
}

const nameOf = ({ modelName, number }: ModelVersion): string => `${modelName}:${number}`

function median(values: number[]): number {
  values.sort((a, b) => a - b)
  return values[Math.floor(values.length / 2)] ?? 0
}
