import assert from 'node:assert/strict'
import { link, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { blobStoreContract } from './contract.ts'
import { openFilesystemBlobs } from './filesystem.ts'

const folders: string[] = []
const newFolder = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-blobs-'))
  folders.push(folder)
  return folder
}
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

blobStoreContract('files', async () => openFilesystemBlobs({ root: await newFolder() }))
blobStoreContract('files with hard links', async () => openFilesystemBlobs({ root: await newFolder(), hardLinks: true }))

test('leaves no temporary file behind, whatever happens', async () => {
  const root = await newFolder()
  const blobs = await openFilesystemBlobs({ root })
  await blobs.put('kept')
  await blobs.put('kept')
  await assert.rejects(blobs.put('refused', { maxBytes: 2 }))
  assert.deepEqual(await readdir(join(root, 'tmp')), [])
})

test('removes temporary files of processes that are gone, and of nobody else', async () => {
  const root = await newFolder()
  await openFilesystemBlobs({ root })
  const gone = `${hostname()}.4194999.00ff`
  const ours = `${hostname()}.${process.pid}.00ff`
  const elsewhere = 'another-machine.4194999.00ff'
  for (const name of [gone, ours, elsewhere]) await writeFile(join(root, 'tmp', name), 'part')
  await openFilesystemBlobs({ root })
  assert.deepEqual((await readdir(join(root, 'tmp'))).sort(), [ours, elsewhere].sort())
})

test('a file with a second name is copied, so that the other name cannot change the blob', async () => {
  const root = await newFolder()
  const blobs = await openFilesystemBlobs({ root })
  await writeFile(join(root, 'a'), 'first')
  await link(join(root, 'a'), join(root, 'b'))
  const { sha256 } = await blobs.putFile(join(root, 'a'))
  await writeFile(join(root, 'b'), 'CHANGED')
  assert.equal(await readFile(blobs.localPath(sha256)!, 'utf8'), 'first')
})

test('without hard links a laid blob shares nothing with the store', async () => {
  const root = await newFolder()
  const blobs = await openFilesystemBlobs({ root })
  const { sha256 } = await blobs.put('rows')
  await blobs.materialise(sha256, join(root, 'laid'))
  assert.notEqual((await stat(join(root, 'laid'))).ino, (await stat(blobs.localPath(sha256)!)).ino)
})
