import { days } from '../../kernel/time.ts'
import { type BlobStore, hashesIn } from '../../ports/blobs/blob-store.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { manifestName, readManifest } from './media/manifest.ts'
import type { DatasetVersion } from './schema.ts'
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

/** The bytes of every version, the items that it names, its original file, and the parts of its splits. */
export const datasetBlobs = ({ metadata, blobs }: { metadata: Metadata; blobs: BlobStore }) =>
  async function* (): AsyncGenerator<string> {
    const tables = datasetTables(metadata.db)
    const manifests = new Set<string>()
    for (const { files, original } of await tables.selectFrom('dataset_versions').select(['files', 'original']).execute()) {
      yield* [...hashesIn(files), ...hashesIn(original)]
      for (const { path, sha256 } of JSON.parse(files) as DatasetVersion['files'])
        if (path === manifestName) manifests.add(sha256)
    }
    for (const manifest of manifests)
      for await (const items of readManifest(blobs, manifest)) for (const { sha256 } of items) yield sha256
    for (const { parts } of await tables.selectFrom('splits').select('parts').execute()) yield* hashesIn(parts)
    for (const { sha256 } of await tables.selectFrom('sealed_parts').select('sha256').execute()) yield sha256
  }
