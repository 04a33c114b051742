import { type Kysely, sql } from 'kysely'
import { days, minutes } from '../../../kernel/time.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import { contentTypeOf } from './content-type.ts'

interface Tables {
  captured_files: { endpoint_id: string; sha256: string; size_bytes: number; content_type: string; at: number }
  endpoints: { id: string; deleted_at: number | null }
}
const tablesOf = (db: Db): Kysely<Tables> => db

/** A file that a caller sent, as it is kept. */
export interface CapturedFile {
  sha256: string
  sizeBytes: number
  contentType: string
}

/** Files on their way to the store take no more of the memory than this; what comes beyond it is not kept. */
const mostWaitingBytes = 64 * 1024 ** 2
const boundEveryMs = minutes(1)
const pageRows = 5000
export const megabyte = 1024 ** 2

/**
 * The images and sounds that endpoints were sent, where their policy keeps them: the bytes as blobs, once each, and a row that says whose they are and
 * when they came last. A policy's days and megabytes bound them; the oldest go first.
 */
export function capturedFiles({ metadata, blobs }: { metadata: Pick<Metadata, 'db' | 'transaction'>; blobs: BlobStore }) {
  const { db } = metadata
  const boundedAt = new Map<string, number>()
  let waitingBytes = 0

  /** Keeps files of one request; answers how many there was no room for. */
  async function keep(
    endpointId: string,
    { at, files, mostBytes }: { at: number; files: ReadonlyMap<string, Uint8Array>; mostBytes: number },
  ): Promise<number> {
    const rows: Tables['captured_files'][] = []
    let refused = 0
    for (const [sha256, content] of files) {
      if (content.length > mostBytes || waitingBytes + content.length > mostWaitingBytes) {
        refused++
        continue
      }
      waitingBytes += content.length
      try {
        await blobs.put(content, { expected: sha256 })
        rows.push({ endpoint_id: endpointId, sha256, size_bytes: content.length, content_type: contentTypeOf(content), at })
      } finally {
        waitingBytes -= content.length
      }
    }
    if (rows.length === 0) return refused
    await tablesOf(db)
      .insertInto('captured_files')
      .values(rows)
      .onConflict((c) => c.columns(['endpoint_id', 'sha256']).doUpdateSet({ at }))
      .execute()
    if (Date.now() - (boundedAt.get(endpointId) ?? 0) > boundEveryMs) await bound(endpointId, mostBytes)
    return refused
  }

  /** The oldest go until the rest takes no more than so much. The bytes themselves go with the sweep of unused blobs. */
  async function bound(endpointId: string, mostBytes: number): Promise<void> {
    boundedAt.set(endpointId, Date.now())
    const { last } = (await tablesOf(db)
      .selectFrom(
        tablesOf(db)
          .selectFrom('captured_files')
          .select(['at', sql<number>`sum(size_bytes) over (order by at desc, sha256)`.as('sum')])
          .where('endpoint_id', '=', endpointId)
          .as('newer'),
      )
      .select((eb) => eb.fn.max('at').as('last'))
      .where('sum', '>', mostBytes)
      .executeTakeFirst()) ?? { last: null }
    if (last !== null) await removeUntil(endpointId, Number(last))
  }

  const removeUntil = (endpointId: string, at: number) =>
    tablesOf(db).deleteFrom('captured_files').where('endpoint_id', '=', endpointId).where('at', '<=', at).execute()

  /** All that is kept of an endpoint, a page at a time. */
  async function* list(endpointId: string): AsyncGenerator<CapturedFile[]> {
    for (let after = ''; ; ) {
      const page = await tablesOf(db)
        .selectFrom('captured_files')
        .select(['sha256', 'size_bytes', 'content_type'])
        .where('endpoint_id', '=', endpointId)
        .where('sha256', '>', after)
        .orderBy('sha256')
        .limit(pageRows)
        .execute()
      if (page.length === 0) return
      after = page.at(-1)!.sha256
      yield page.map((row) => ({ sha256: row.sha256, sizeBytes: Number(row.size_bytes), contentType: row.content_type }))
    }
  }

  return {
    keep,
    list,
    /** What is older than the policy keeps, or beyond its room, is forgotten. */
    async prune(endpointId: string, policy: { keepDays: number; mostBytes: number }): Promise<void> {
      await removeUntil(endpointId, Date.now() - days(policy.keepDays))
      await bound(endpointId, policy.mostBytes)
    },
    async *blobsInUse(): AsyncGenerator<string> {
      for (let after = ''; ; ) {
        const page = await tablesOf(db)
          .selectFrom('captured_files')
          .select('sha256')
          .distinct()
          .where('sha256', '>', after)
          .orderBy('sha256')
          .limit(pageRows)
          .execute()
        if (page.length === 0) return
        for (const { sha256 } of page) yield sha256
        after = page.at(-1)!.sha256
      }
    },
  }
}

export type CapturedFiles = ReturnType<typeof capturedFiles>
