import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import { copyToParquet, literal, parquet } from '../../../ports/tables/sql.ts'
import { bettingInterval, pOfAtMost } from '../../endpoints/ab/statistics/betting.ts'
import type { EndpointsService } from '../../endpoints/service.ts'
import type { JobContext, JobHandler } from '../../jobs/handler.ts'
import { isOfCells } from '../../monitoring/table-rows.ts'
import type { RegistryService } from '../../registry/service.ts'
import { boundedDifference } from '../judge/losses.ts'
import { type PairedRow, pairUp } from '../judge/pair-up.ts'
import { type AskedVersion, type AskNeeds, type FileOf, openVersion, readRows, saidOf } from '../judge/predict-rows.ts'
import type { WatchLook, WatchSpec } from './evidence.ts'

export interface WatchJobNeeds extends AskNeeds {
  endpoints: Pick<EndpointsService, 'labelledRows' | 'capturedFiles'>
  blobs: Pick<BlobStore, 'bytes'>
  registry: Pick<RegistryService, 'versionById' | 'layPackage'>
}

/** The job `loop.watch`: of live rows whose truth came since the swap, what the new version said and what the old one would have said. */
export function watchJob(needs: WatchJobNeeds): JobHandler<WatchSpec, WatchLook> {
  const { files, tables, registry } = needs

  async function run(context: JobContext<WatchSpec>): Promise<WatchLook> {
    const { spec, folder, signal } = context
    const [champion, challenger] = [await registry.versionById(spec.champion), await registry.versionById(spec.challenger)]
    const place = await files.makeFolder(folder, 'labelled')
    const labelled = await needs.endpoints.labelledRows(
      { endpointId: spec.endpointId, fromMs: spec.fromMs, toMs: spec.toMs },
      place,
    )
    const file = `${place}/own.parquet`
    await tables.run({
      folders: [place],
      signal,
      statements: [
        {
          sql: copyToParquet(
            `SELECT * FROM ${parquet(labelled.file)} WHERE __version = ${literal(challenger.id)} AND __truth IS NOT NULL`,
            file,
            challenger.signature.inputs.length + 7,
          ),
        },
      ],
    })
    const kept = new Set<string>()
    if (!isOfCells(challenger.signature))
      for await (const page of needs.endpoints.capturedFiles(spec.endpointId)) for (const { sha256 } of page) kept.add(sha256)
    const open = async (captured: string) => {
      const sha256 = hashOf(captured)
      return sha256 !== null && kept.has(sha256) ? needs.blobs.bytes(sha256) : null
    }
    const rows = await bothAnswers({ champion, challenger }, { table: file, file: open }, context)
    const pair = pairUp(rows, champion.signature, challenger.signature)
    const differences = boundedDifference(pair.champion, pair.challenger)
    // From [-1, 1] to [0, 1], where one half is "alike".
    const shares = Array.from(differences, (one) => (one + 1) / 2)
    const { low, high, mean } = bettingInterval(shares, spec.alpha)
    return {
      at: Date.now(),
      rows: shares.length,
      loss: pair.champion.kind === 'numbers' ? 'share of the larger error' : 'Brier score',
      value: shares.length === 0 ? 0 : 2 * mean - 1,
      low: 2 * low - 1,
      high: 2 * high - 1,
      pValue: shares.length === 0 ? 1 : pOfAtMost(shares, 0.5),
    }
  }

  async function bothAnswers(
    versions: Record<'champion' | 'challenger', Awaited<ReturnType<RegistryService['versionById']>>>,
    from: { table: string; file: FileOf },
    { folder, signal }: JobContext,
  ): Promise<PairedRow[]> {
    const open: AskedVersion[] = []
    const rows: PairedRow[] = []
    try {
      const champion = await openVersion(needs, versions.champion, folder)
      open.push(champion)
      const challenger = await openVersion(needs, versions.challenger, folder)
      open.push(challenger)
      // What traffic does not carry (the new version does not ask for it) is missing for the old one too.
      const pages = readRows(tables, {
        ...from,
        signatures: [challenger.signature],
        more: [versions.champion.signature.classes ? '__truth::VARCHAR' : '__truth::DOUBLE'],
        order: '__at, __id',
        folder,
        signal,
      })
      for await (const { rows: batch, more } of pages) {
        signal.throwIfAborted()
        const [one, other] = [await champion.ask(batch), await challenger.ask(batch)]
        batch.forEach((_, i) => {
          rows.push({
            truth: more[i]![0] as string | number,
            champion: saidOf(champion.signature, one, i),
            challenger: saidOf(challenger.signature, other, i),
            group: null,
          })
        })
      }
    } finally {
      for (const version of open) await version.close()
    }
    return rows
  }

  return { kind: 'loop.watch', run, publish: async (_tx, _context, look) => look }
}

/** What is captured of a file is a JSON text with its hash. */
function hashOf(captured: string): string | null {
  try {
    return (JSON.parse(captured) as { sha256?: string }).sha256 ?? null
  } catch {
    return null
  }
}
