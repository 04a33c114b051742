import { days } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { filesOf, partsOf } from './store.ts'
import { datasetTables } from './tables.ts'

export const daysInBin = 30

/** What was deleted is kept for thirty days, then gone with its bytes, unless other rows name the same bytes. */
export function bin({ metadata, blobs }: { metadata: Metadata; blobs: BlobStore }) {
  const db = datasetTables(metadata.db)

  async function empty(now = Date.now()): Promise<number> {
    const gone = await db
      .selectFrom('datasets')
      .select('id')
      .where('deleted_at', '<', now - days(daysInBin))
      .execute()
    for (const { id } of gone) {
      const hashes = await hashesOf(id)
      await metadata.transaction(async (tx) => {
        await datasetTables(tx).deleteFrom('datasets').where('id', '=', id).execute()
      })
      for (const hash of hashes) if (!(await isUsed(hash))) await blobs.delete(hash)
    }
    return gone.length
  }

  async function hashesOf(datasetId: string): Promise<Set<string>> {
    const versions = await db.selectFrom('dataset_versions').selectAll().where('dataset_id', '=', datasetId).execute()
    const splits = await db.selectFrom('splits').selectAll().where('dataset_id', '=', datasetId).execute()
    const sealed = await db
      .selectFrom('sealed_parts')
      .innerJoin('splits', 'splits.id', 'sealed_parts.split_id')
      .select('sealed_parts.sha256')
      .where('splits.dataset_id', '=', datasetId)
      .execute()
    return new Set([...versions.flatMap(filesOf), ...splits.flatMap(partsOf), ...sealed].map(({ sha256 }) => sha256))
  }

  async function isUsed(hash: string): Promise<boolean> {
    const like = `%"${hash}"%`
    const found = await Promise.all([
      db.selectFrom('dataset_versions').select('id').where('files', 'like', like).executeTakeFirst(),
      db.selectFrom('splits').select('id').where('parts', 'like', like).executeTakeFirst(),
      db.selectFrom('sealed_parts').select('split_id').where('sha256', '=', hash).executeTakeFirst(),
    ])
    return found.some(Boolean)
  }

  return { empty }
}
