import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { BlobInfo, BlobStore } from './blob-store.ts'
import { collectUnused, unusedForMs } from './collect-unused.ts'

const hashOf = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

async function listed(blobs: BlobStore) {
  const found: BlobInfo[] = []
  for await (const { sha256, sizeBytes } of blobs.list()) found.push({ sha256, sizeBytes })
  return found
}

/** What every blob store keeps to. */
export function blobStoreContract(name: string, open: () => Promise<BlobStore>) {
  const inFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = await mkdtemp(join(tmpdir(), 'atoll-blob-'))
    await work(folder).finally(() => rm(folder, { recursive: true, force: true }))
  }

  test(`${name}: a missing blob is not_found, never empty`, async () => {
    const blobs = await open()
    const absent = hashOf('absent')
    await assert.rejects(blobs.get(absent), { code: 'not_found' })
    await assert.rejects(blobs.bytes(absent), { code: 'not_found' })
    await assert.rejects(blobs.get('../../etc/passwd'), { code: 'not_found' })
    await assert.rejects(blobs.materialise(absent, join(tmpdir(), absent)), { code: 'not_found' })
    assert.equal(await blobs.stat(absent), null)
    assert.equal(await blobs.stat('..'), null)
  })

  test(`${name}: takes over many files at once, in their order, the same bytes once`, () =>
    inFolder(async (folder) => {
      const blobs = await open()
      const contents = Array.from({ length: 60 }, (_, n) => `item ${n % 50}`)
      const paths = contents.map((_, n) => join(folder, `${n}`))
      for (const [n, content] of contents.entries()) await writeFile(paths[n]!, content)
      const told: number[] = []
      const stored = await blobs.putFiles(paths, { onProgress: (done) => told.push(done) })
      assert.deepEqual(
        stored.map(({ sha256 }) => sha256),
        contents.map(hashOf),
      )
      assert.equal((await listed(blobs)).length, 50)
      assert.equal(told.at(-1), 60)
      for (const path of paths) await assert.rejects(stat(path), { code: 'ENOENT' })
      assert.deepEqual(await blobs.putFiles([]), [])
      await writeFile(join(folder, 'a'), 'a')
      await assert.rejects(blobs.putFiles([join(folder, 'a'), join(folder, 'absent')]))
      await writeFile(join(folder, 'b'), 'b')
      await assert.rejects(blobs.putFiles([join(folder, 'b')], { signal: AbortSignal.abort() }))
    }))

  test(`${name}: gives back what was put, under its hash, from bytes, text and streams`, async () => {
    const blobs = await open()
    const bytes = randomBytes(3_000_000)
    for (const source of [bytes, Readable.from([bytes.subarray(0, 70_000), bytes.subarray(70_000)])]) {
      assert.deepEqual(await blobs.put(source), { sha256: hashOf(bytes), sizeBytes: bytes.length })
      assert.deepEqual(Buffer.from(await blobs.bytes(hashOf(bytes))), bytes)
      assert.deepEqual(await buffer(await blobs.get(hashOf(bytes))), bytes)
    }
    const text = await blobs.put('Grüße')
    assert.equal(Buffer.from(await blobs.bytes(text.sha256)).toString(), 'Grüße')
    assert.deepEqual(await blobs.stat(text.sha256), { sha256: text.sha256, sizeBytes: 7 })
    const empty = await blobs.put('')
    assert.equal((await blobs.bytes(empty.sha256)).length, 0)
  })

  test(`${name}: reads ranges, start included, end excluded`, async () => {
    const blobs = await open()
    if (!blobs.supportsRangeReads) return
    const { sha256 } = await blobs.put('0123456789')
    const read = async (range: { start: number; end?: number }) => (await buffer(await blobs.get(sha256, range))).toString()
    assert.equal(await read({ start: 2, end: 5 }), '234')
    assert.equal(await read({ start: 7 }), '789')
    assert.equal(await read({ start: 4, end: 4 }), '')
    assert.equal(await read({ start: 8, end: 99 }), '89')
  })

  test(`${name}: the same bytes are stored once, also when put at the same time`, async () => {
    const blobs = await open()
    const bytes = randomBytes(200_000)
    const puts = await Promise.all(Array.from({ length: 8 }, () => blobs.put(bytes)))
    assert.equal(new Set(puts.map((put) => put.sha256)).size, 1)
    const found = await listed(blobs)
    assert.deepEqual(found, [{ sha256: hashOf(bytes), sizeBytes: bytes.length }])
  })

  test(`${name}: refuses bytes that are not what was announced, and keeps none of them`, async () => {
    const blobs = await open()
    await assert.rejects(blobs.put('something', { expected: hashOf('another') }), { code: 'invalid_input' })
    await assert.rejects(blobs.put(randomBytes(1000), { maxBytes: 999 }), { code: 'too_large' })
    const breaking = Readable.from(
      (function* () {
        yield Buffer.from('first half')
        throw new Error('the client hung up')
      })(),
    )
    await assert.rejects(blobs.put(breaking), /hung up/)
    assert.deepEqual(await listed(blobs), [])
  })

  test(`${name}: takes over a finished file, never a link`, () =>
    inFolder(async (folder) => {
      const blobs = await open()
      await writeFile(join(folder, 'model'), 'weights')
      const info = await blobs.putFile(join(folder, 'model'))
      assert.equal(Buffer.from(await blobs.bytes(info.sha256)).toString(), 'weights')
      await assert.rejects(stat(join(folder, 'model')), { code: 'ENOENT' })
      await symlink('/etc/passwd', join(folder, 'link'))
      await assert.rejects(blobs.putFile(join(folder, 'link')), { code: 'invalid_input' })
      await assert.rejects(blobs.putFile(folder), { code: 'invalid_input' })
    }))

  test(`${name}: lays a blob at a path, read-only, and never over another file`, () =>
    inFolder(async (folder) => {
      const blobs = await open()
      const { sha256 } = await blobs.put('rows')
      await blobs.materialise(sha256, join(folder, 'rows'))
      assert.equal(await readFile(join(folder, 'rows'), 'utf8'), 'rows')
      assert.equal((await stat(join(folder, 'rows'))).mode & 0o222, 0)
      await assert.rejects(blobs.materialise(sha256, join(folder, 'rows')), { code: 'EEXIST' })
      assert.equal(await readFile(join(folder, 'rows'), 'utf8'), 'rows')
    }))

  test(`${name}: a deleted blob is gone, and deleting it again is no error`, async () => {
    const blobs = await open()
    const { sha256 } = await blobs.put('short-lived')
    assert.equal(await blobs.delete(sha256), true)
    assert.equal(await blobs.delete(sha256), true)
    assert.equal(await blobs.stat(sha256), null)
  })

  test(`${name}: what was stored again since is not deleted as unused`, async () => {
    const blobs = await open()
    const { sha256 } = await blobs.put('wanted again')
    const timeOf = async () => {
      for await (const blob of blobs.list()) if (blob.sha256 === sha256) return blob.storedAt
      return assert.fail('not listed')
    }
    const first = await timeOf()
    await setTimeout(20)
    await blobs.put('wanted again')
    const again = await timeOf()
    assert.ok(again > first, `${again} > ${first}`)
    assert.equal(await blobs.delete(sha256, { unlessStoredSince: again - 5 }), false)
    assert.equal(Buffer.from(await blobs.bytes(sha256)).toString(), 'wanted again')
    assert.equal(await blobs.delete(sha256, { unlessStoredSince: again + 5 }), true)
    assert.equal(await blobs.stat(sha256), null)
  })

  test(`${name}: unused bytes are collected, used and recent ones stay`, async () => {
    const blobs = await open()
    const [used, unused] = [await blobs.put('named by a row'), await blobs.put('left by a publish that failed')]
    const inUse = async function* () {
      yield used.sha256
    }
    const now = Date.now()
    assert.deepEqual(await collectUnused({ blobs, inUse: [inUse] }, { now }), { blobs: 0, sizeBytes: 0 })
    const later = now + unusedForMs + 1000
    assert.deepEqual(await collectUnused({ blobs, inUse: [inUse] }, { now: later }), { blobs: 1, sizeBytes: unused.sizeBytes })
    assert.equal(await blobs.stat(unused.sha256), null)
    assert.ok(await blobs.stat(used.sha256))
  })
}
