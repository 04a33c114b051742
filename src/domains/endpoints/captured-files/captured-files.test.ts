import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFilesystemBlobs } from '../../../ports/blobs/filesystem.ts'
import { onEachDatabase } from '../../../ports/metadata/testing.ts'
import { capturedFiles } from './captured-files.ts'
import { capturedFilesMigrations } from './migrations.ts'

const parents = {
  name: 'a-endpoints',
  async up(db: any) {
    await db.schema
      .createTable('endpoints')
      .addColumn('id', 'text', (c: any) => c.primaryKey())
      .execute()
    await db.insertInto('endpoints').values({ id: 'end_1' }).execute()
  },
}

onEachDatabase(
  'the newest files of a policy’s room are kept, for its days, and no others are in use',
  [parents, ...capturedFilesMigrations],
  async (metadata) => {
    const folder = await mkdtemp(join(tmpdir(), 'atoll-captured-'))
    try {
      const blobs = await openFilesystemBlobs({ root: folder })
      const files = capturedFiles({ metadata, blobs })
      const now = Date.now()
      const content = (n: number) => Buffer.alloc(1000, n)
      const hashOf = (n: number) => createHash('sha256').update(content(n)).digest('hex')
      const keep = (n: number, at: number) =>
        files.keep('end_1', { at, files: new Map([[hashOf(n), content(n)]]), mostBytes: 1_000_000 })
      for (let n = 0; n < 6; n++) await keep(n, now - 6000 + n * 1000)
      await keep(0, now)
      const kept = async () => {
        const found: string[] = []
        for await (const page of files.list('end_1')) found.push(...page.map(({ sha256 }) => sha256))
        const inUse: string[] = []
        for await (const hash of files.blobsInUse()) inUse.push(hash)
        assert.deepEqual(inUse, found)
        return found.sort()
      }
      assert.equal((await kept()).length, 6, 'the same bytes are kept once')
      await files.prune('end_1', { keepDays: 1, mostBytes: 3000 })
      assert.deepEqual(await kept(), [0, 5, 4].map(hashOf).sort(), 'what came last stays')
      const large = await files.keep('end_1', { at: now, files: new Map([[hashOf(9), content(9)]]), mostBytes: 10 })
      assert.equal(large, 1, 'what has no room is refused')
      await files.keep('end_1', { at: now - 2 * 86_400_000, files: new Map([[hashOf(7), content(7)]]), mostBytes: 1_000_000 })
      await files.prune('end_1', { keepDays: 1, mostBytes: 1_000_000 })
      assert.equal((await kept()).length, 3, 'what is older than the policy keeps is gone')
      await files.prune('end_1', { keepDays: 1, mostBytes: 0 })
      assert.deepEqual(await kept(), [])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
)
