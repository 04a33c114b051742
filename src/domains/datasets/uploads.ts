import type { Readable } from 'node:stream'
import type * as z from 'zod'
import { conflict, invalidInput, notFound, PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import { days, toIso } from '../../kernel/time.ts'
import type { Incoming, IncomingFile } from '../../ports/incoming/incoming.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import type { SettingsService } from '../auth/settings.ts'
import { filenameOf } from './import/source.ts'
import type { Source, Upload, UploadInput } from './schema.ts'
import { datasetTables, type UploadRow } from './tables.ts'

/** An upload nobody finished or used is removed after this. */
const lifetime = days(1)
/** Unused uploads of one person, together. */
const quota = { count: 50, bytes: 2 * 1024 ** 4 }

export type Uploads = ReturnType<typeof uploadService>

/** Bytes that people send: in pieces, resumable, checked, and gone after a day when nothing came of them. */
export function uploadService({
  metadata,
  access,
  settings,
  incoming,
}: {
  metadata: Metadata
  access: Access
  settings: SettingsService
  incoming: Incoming
}) {
  const uploads = () => datasetTables(metadata.db)

  /** Somebody else's upload does not exist. */
  async function own(by: Principal, id: string): Promise<UploadRow> {
    const row = await uploads().selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
    if (!row || (row.owner_id !== by.userId && !by.isPlatformAdmin) || row.expires_at < Date.now()) throw notFound('upload', id)
    return row
  }

  async function toUpload(row: UploadRow): Promise<Upload> {
    return {
      id: row.id,
      filename: row.filename,
      sizeBytes: row.size_bytes,
      receivedBytes: row.state === 'complete' ? row.size_bytes : ((await incoming.received(row.id)) ?? 0),
      state: row.state,
      sha256: row.sha256,
      expiresAt: toIso(row.expires_at),
    }
  }

  async function create(by: Principal, input: z.output<typeof UploadInput>): Promise<Upload> {
    await access.authorize(by, 'datasets:write')
    if (by.userId === null) throw new PlatformError('unauthenticated', 'Sign in to upload.')
    if (input.sizeBytes === 0) throw invalidInput('The file is empty: it has no bytes.', { field: 'sizeBytes' })
    const now = Date.now()
    const open = await uploads()
      .selectFrom('uploads')
      .select((eb) => [eb.fn.countAll().as('count'), eb.fn.sum('size_bytes').as('bytes')])
      .where('owner_id', '=', by.userId)
      .where('expires_at', '>', now)
      .executeTakeFirst()
    if (Number(open?.count ?? 0) >= quota.count || Number(open?.bytes ?? 0) + input.sizeBytes > quota.bytes)
      throw new PlatformError(
        'rate_limited',
        `You have ${open?.count} unused uploads. Use or delete some; what is not used is removed after a day.`,
        { ...quota },
      )
    const row: UploadRow = {
      id: newId('upl', now),
      owner_id: by.userId,
      filename: filenameOf(input.filename.replaceAll('\\', '/')).replace(/[\x00-\x1f\x7f]|^\.+$/g, '') || 'upload',
      size_bytes: input.sizeBytes,
      expected_sha256: input.sha256 ?? null,
      sha256: null,
      state: 'open',
      created_at: now,
      expires_at: now + lifetime,
    }
    await incoming.create(row.id)
    await uploads().insertInto('uploads').values(row).execute()
    return toUpload(row)
  }

  async function read(by: Principal, id: string): Promise<Upload> {
    return toUpload(await own(by, id))
  }

  /** Takes bytes at an offset. The last byte completes the upload, when its SHA-256 is the announced one. */
  async function write(by: Principal, id: string, offset: number, body: Readable): Promise<Upload> {
    const row = await own(by, id)
    if (row.state === 'complete') throw conflict('This upload is complete.', { upload: id, received: row.size_bytes })
    const received = await incoming.append(id, offset, body, row.size_bytes)
    if (received < row.size_bytes) return toUpload(row)
    const sha256 = await incoming.finish(id)
    if (row.expected_sha256 && row.expected_sha256 !== sha256) {
      await remove(by, id)
      throw invalidInput('The bytes that arrived are not the ones announced: their SHA-256 differs. Upload the file again.', {
        expected: row.expected_sha256,
        actual: sha256,
      })
    }
    const done = { state: 'complete' as const, sha256, expires_at: Date.now() + lifetime }
    await uploads().updateTable('uploads').set(done).where('id', '=', id).execute()
    return toUpload({ ...row, ...done })
  }

  async function remove(by: Principal, id: string): Promise<void> {
    await own(by, id)
    await forget(id)
  }

  /** Removes an upload, whoever's it is. */
  async function forget(id: string): Promise<void> {
    await incoming.remove(id)
    await uploads().deleteFrom('uploads').where('id', '=', id).execute()
  }

  async function removeStale(now = Date.now()): Promise<number> {
    const stale = await uploads().selectFrom('uploads').select('id').where('expires_at', '<', now).execute()
    for (const { id } of stale) await forget(id)
    // A file without a row: the server died between the two.
    const known = new Set((await uploads().selectFrom('uploads').select('id').execute()).map(({ id }) => id))
    const orphans = (await incoming.untouchedSince(now - lifetime)).filter((id) => !known.has(id))
    for (const id of orphans) await incoming.remove(id)
    return stale.length + orphans.length
  }

  /** The file behind a source, for somebody who may use it. */
  async function open(
    by: Principal,
    source: Source,
  ): Promise<IncomingFile & { filename: string; sha256: string | null; isFolder: boolean }> {
    if ('upload' in source) {
      const row = await own(by, source.upload)
      if (row.state !== 'complete')
        throw preconditionFailed(
          `The upload is not complete: ${(await incoming.received(row.id)) ?? 0} of ${row.size_bytes} bytes are here.`,
          {
            upload: row.id,
          },
        )
      return { ...(await incoming.file(row.id)), filename: row.filename, sha256: row.sha256, isFolder: false }
    }
    const { importFolders } = await settings.get()
    if (importFolders.length === 0)
      throw preconditionFailed('No server folder is open for imports. A platform administrator can allow one in the settings.', {
        field: 'source.serverPath',
      })
    const folder = await incoming.allowedFolder(source.serverPath, importFolders)
    if (folder !== null) return { path: folder, sizeBytes: 0, filename: filenameOf(folder), sha256: null, isFolder: true }
    const file = await incoming.allowed(source.serverPath, importFolders)
    return { ...file, filename: filenameOf(file.path), sha256: null, isFolder: false }
  }

  return { create, read, write, remove, forget, removeStale, open }
}
