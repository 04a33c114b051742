import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { jobTables } from '../../src/domains/jobs/tables.ts'
import { jobsTestMigrations, jobsWorld } from '../../src/domains/jobs/testing.ts'
import { openFilesystemBlobs } from '../../src/ports/blobs/filesystem.ts'
import { scriptRuntimes } from '../../src/ports/engines/testing.ts'
import { openLocalExecutor } from '../../src/ports/executors/local.ts'
import { localFiles } from '../../src/ports/files/local.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

const sizeBytes = 12 * 2 ** 20
const root = mkdtempSync(join(tmpdir(), 'atoll-full-'))
const engineFolder = mkdtempSync(join(tmpdir(), 'atoll-full-engine-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=700`, 'tmpfs', root], { encoding: 'utf8' })
const skip =
  mounted.status === 0
    ? false
    : `a small file system cannot be mounted here: ${(mounted.stderr || mounted.error?.message || '').trim()}`
after(() => {
  if (!skip) spawnSync('umount', ['-l', root])
  for (const folder of [root, engineFolder]) rmSync(folder, { recursive: true, force: true })
})

test('a full disk: a clear error, nothing corrupt, reads go on, and all is well when there is room again', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const executor = await openLocalExecutor({ python: 'python3' })
  const metadata = openSqlite({ file: join(root, 'atoll.db') })
  await metadata.migrate(jobsTestMigrations)
  const blobs = await openFilesystemBlobs({ root: join(root, 'blobs') })
  const runtimes = scriptRuntimes(engineFolder, 'open("output/data/big", "wb").write(b"x" * job["parameters"]["bytes"])\n')
  const world = await jobsWorld(metadata, { executor, runtimes, files: localFiles(), folder: root })
  const { jobs, admin, project } = world
  jobs.queue.register({
    kind: 'writes',
    async run(context) {
      const parameters = { bytes: context.spec.bytes }
      const { folder } = await context.runEngine({
        name: 'write',
        engine: 'w',
        runtime: 'tabular',
        parameters,
        seed: 1,
        prepare: async () => {},
      })
      return blobs.putFile(join(folder, 'output/data/big'))
    },
  })
  jobs.queue.register({ kind: 'stores', run: async ({ spec }) => blobs.put(randomBytes(spec.bytes)) })
  const submit = (kind: string, bytes: number) =>
    metadata.transaction((tx) => jobs.queue.enqueue(tx, admin, { kind, name: kind, projectId: project.id, spec: { bytes } }))
  const run = async (kind: string, bytes: number) => {
    const id = await submit(kind, bytes)
    jobs.queue.wake()
    return jobs.ended(id, AbortSignal.timeout(60_000))
  }
  const worker = jobs.startWorker({ slots: 1 })
  t.after(async () => {
    await worker.close()
    await executor.close()
    await metadata.close()
  })

  const before = await blobs.put('stored before')
  const stored = await run('stores', 20 * 2 ** 20)
  assert.equal(stored.state, 'failed')
  assert.equal(JSON.parse(stored.failure!).code, 'storage_full')
  assert.match(JSON.parse(stored.failure!).message, /disk .* is full\. Nothing was stored; free some space/)
  assert.deepEqual(readdirSync(join(root, 'blobs', 'tmp')), [], 'no half-written file keeps the space')

  const written = await run('writes', 20 * 2 ** 20)
  assert.equal(written.state, 'failed', written.failure ?? '')
  assert.equal((await run('stores', 1000)).state, 'succeeded', 'what the failed jobs had taken is free again')

  // Not a byte left, also for the database.
  const filler = join(root, 'filler')
  await mkdir(filler)
  for (let size = 2 ** 20, n = 0; size >= 512; )
    try {
      writeFileSync(join(filler, String(n++)), Buffer.alloc(size))
    } catch {
      size /= 2
    }
  await assert.rejects(blobs.put(randomBytes(100_000)), { code: 'storage_full' })
  const refused = await Promise.allSettled(Array.from({ length: 60 }, () => submit('stores', 1000)))
  const accepted = refused.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const errors = refused.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  assert.ok(errors.length > 0, 'the database found room that should not be there')
  for (const error of errors) assert.equal(error.code, 'storage_full', String(error))
  assert.equal(Buffer.from(await blobs.bytes(before.sha256)).toString(), 'stored before')
  assert.ok((await jobs.list(admin, { limit: 10 })).items.length > 0, 'reads go on')

  rmSync(filler, { recursive: true })
  jobs.queue.wake()
  for (const id of accepted)
    assert.ok(['succeeded', 'failed'].includes((await jobs.ended(id, AbortSignal.timeout(60_000))).state))
  assert.equal((await run('writes', 1000)).state, 'succeeded')
  assert.deepEqual(await metadata.integrityCheck(), [])
  for await (const { sha256 } of blobs.list())
    assert.equal(
      createHash('sha256')
        .update(await blobs.bytes(sha256))
        .digest('hex'),
      sha256,
    )
  const waiting = await jobTables(metadata.db)
    .selectFrom('jobs')
    .select('id')
    .where('state', 'in', ['queued', 'running'])
    .execute()
  assert.deepEqual(waiting, [])
})
