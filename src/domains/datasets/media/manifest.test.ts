import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openFilesystemBlobs } from '../../../ports/blobs/filesystem.ts'
import { findItem, type ManifestItem, manifestStream, readManifest } from './manifest.ts'

const root = mkdtempSync(join(tmpdir(), 'atoll-manifest-'))
after(() => rmSync(root, { recursive: true, force: true }))
const blobs = await openFilesystemBlobs({ root })

const item = (path: string): ManifestItem => ({
  path,
  sha256: 'ab'.repeat(32),
  sizeBytes: path.length,
  contentType: 'image/png',
})

test('one item of thousands is found without reading all of them', async () => {
  const paths = Array.from({ length: 3000 }, (_, n) => `${n % 7}/ä${n}${'x'.repeat(n % 300)}.png`)
  const manifest = await blobs.put(manifestStream(paths.map(item)))
  for (const path of [paths[0]!, paths[1]!, paths[1499]!, ...paths.slice(-20), ...paths.filter((_, n) => n % 97 === 0)])
    assert.equal((await findItem(blobs, manifest, path))?.path, path)
  for (const path of ['', '0', '3/ä', 'zzz', '\u{10ffff}', '../x']) assert.equal(await findItem(blobs, manifest, path), null)
})

test('one item and the longest path', async () => {
  const long = `${'漢'.repeat(1000)}.png`
  const manifest = await blobs.put(manifestStream([item(long), item('a'), item('b')]))
  assert.equal((await findItem(blobs, manifest, long))?.sizeBytes, long.length)
  const single = await blobs.put(manifestStream([item('only.png')]))
  assert.equal((await findItem(blobs, single, 'only.png'))?.path, 'only.png')
})

test('the list comes back whole and sorted, whatever order it was given in', async () => {
  const manifest = await blobs.put(manifestStream(['b/2', 'a/1', 'c/3'].map(item)))
  const all: string[] = []
  for await (const items of readManifest(blobs, manifest.sha256)) all.push(...items.map(({ path }) => path))
  assert.deepEqual(all, ['a/1', 'b/2', 'c/3'])
})
