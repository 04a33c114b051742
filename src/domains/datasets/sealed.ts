import { notFound, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from '../auth/audit.ts'
import { type LayNeeds, layTable, manifestFile } from './lay.ts'
import { columnsInParts, splitById, versionById } from './store.ts'
import { datasetTables } from './tables.ts'

export interface Opening {
  /** The model version that is judged on the rows. */
  version: string
  reason: string
  /** The job that opens them: only the same job may do so again, when its worker died. */
  job?: string
}

/**
 * The only way to the test rows of a split. Each opening is in the audit trail before a byte is laid, and a model version opens them once:
 * whoever could look again and again would tune on them.
 */
export function sealedParts(needs: LayNeeds & { metadata: Metadata }) {
  const { metadata } = needs

  async function record(tx: Db, by: Principal, splitId: string, opening: Opening): Promise<void> {
    const split = await splitById(tx, splitId)
    if (!split) throw notFound('split', splitId)
    const before = await datasetTables(tx)
      .selectFrom('sealed_openings')
      .selectAll()
      .where('split_id', '=', splitId)
      .where('version_id', '=', opening.version)
      .where('reason', '=', opening.reason)
      .executeTakeFirst()
    if (before && (before.job_id === null || before.job_id !== (opening.job ?? null)))
      throw preconditionFailed(
        `The test rows of this split were opened for this model version already (${opening.reason}). They are opened once.`,
        {
          split: splitId,
          version: opening.version,
          reason: opening.reason,
        },
      )
    if (!before)
      await datasetTables(tx)
        .insertInto('sealed_openings')
        .values({
          id: newId('evl'),
          split_id: splitId,
          version_id: opening.version,
          reason: opening.reason,
          job_id: opening.job ?? null,
          opened_by: by.userId ?? '',
          opened_at: Date.now(),
        })
        .execute()
    await audit(tx, by, 'datasets.open-sealed', {
      target: splitId,
      project: split.project_id,
      facts: {
        version: opening.version,
        reason: opening.reason,
        dataset: split.dataset_id,
        again: before !== undefined,
        ...(opening.job && { job: opening.job }),
      },
    })
  }

  /** Notes the opening (in `tx` when given, else in a transaction of its own), then lays the test rows as a channel. */
  async function openSealed(tx: Db | null, by: Principal, splitId: string, opening: Opening, folder: string): Promise<void> {
    if (tx) await record(tx, by, splitId, opening)
    else await metadata.transaction((own) => record(own, by, splitId, opening))
    const db = tx ?? metadata.db
    const part = await datasetTables(db).selectFrom('sealed_parts').selectAll().where('split_id', '=', splitId).executeTakeFirst()
    if (!part) throw preconditionFailed('This split has no test part yet. Wait for its job to end.', { split: splitId })
    const split = (await splitById(db, splitId))!
    const version = (await versionById(db, split.version_id))!
    await layTable(
      needs,
      { sha256: part.sha256, rows: part.rows, columns: columnsInParts(split, version), manifest: manifestFile(version) },
      folder,
    )
  }

  /** Which model versions have seen the test rows. */
  async function openings(splitId: string) {
    return datasetTables(metadata.db)
      .selectFrom('sealed_openings')
      .selectAll()
      .where('split_id', '=', splitId)
      .orderBy('opened_at')
      .execute()
  }

  return { openSealed, openings }
}
