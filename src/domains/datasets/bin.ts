import { days } from '../../kernel/time.ts'
import { hashesIn } from '../../ports/blobs/blob-store.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { datasetTables } from './tables.ts'

export const daysInBin = 30

/** What was deleted is kept for thirty days, then its rows go; bytes that no other row names go after them, as unused. */
export function bin({ metadata }: { metadata: Metadata }) {
  async function empty(now = Date.now()): Promise<number> {
    const gone = await datasetTables(metadata.db)
      .deleteFrom('datasets')
      .where('deleted_at', '<', now - days(daysInBin))
      .returning('id')
      .execute()
    return gone.length
  }

  return { empty }
}

/** The bytes of every version, its original file, and the parts of its splits. */
export const datasetBlobs = ({ db }: Metadata) =>
  async function* (): AsyncGenerator<string> {
    const tables = datasetTables(db)
    for (const { files, original } of await tables.selectFrom('dataset_versions').select(['files', 'original']).execute())
      yield* [...hashesIn(files), ...hashesIn(original)]
    for (const { parts } of await tables.selectFrom('splits').select('parts').execute()) yield* hashesIn(parts)
    for (const { sha256 } of await tables.selectFrom('sealed_parts').select('sha256').execute()) yield sha256
  }
