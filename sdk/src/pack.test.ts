import assert from 'node:assert/strict'
import { test } from 'node:test'
import { extract } from 'tar-stream'
import { type PackedFile, packFiles } from './pack.ts'

const fileOf = (path: string, content: string | Buffer): PackedFile => {
  const bytes = Buffer.from(content)
  return { path, size: bytes.length, read: async (from, to) => bytes.subarray(from, to) }
}
const files = [
  fileOf('cats/1.png', 'x'.repeat(700)),
  fileOf('empty.txt', ''),
  fileOf('a/äöü 漢字.png', 'short'),
  fileOf(`${'long/'.repeat(40)}name.png`, Buffer.alloc(512, 7)),
]

async function unpacked(bytes: Uint8Array): Promise<[string, number][]> {
  const tar = extract()
  tar.end(Buffer.from(bytes))
  const found: [string, number][] = []
  for await (const entry of tar) {
    let size = 0
    for await (const piece of entry) size += piece.length
    found.push([entry.header.name, size])
  }
  return found
}

test('a folder packed while it is sent is a tar that every reader understands', async () => {
  const packed = packFiles('pets', files)
  const whole = await (await packed.slice(0, packed.size)).bytes()
  assert.equal(whole.length, packed.size)
  assert.deepEqual((await unpacked(whole)).sort(), files.map(({ path, size }): [string, number] => [path, size]).sort())
})

test('any cut gives the same bytes: a broken upload goes on in the middle of a file or a header', async () => {
  const packed = packFiles('pets', files)
  const whole = Buffer.from(await (await packed.slice(0, packed.size)).bytes())
  for (const step of [1000, 511, 513, 77]) {
    const pieces: Uint8Array[] = []
    for (let at = 0; at < packed.size; at += step)
      pieces.push(await (await packed.slice(at, Math.min(packed.size, at + step))).bytes())
    assert.ok(Buffer.concat(pieces).equals(whole), `in pieces of ${step}`)
  }
})

test('a file that changes meanwhile is named', async () => {
  const packed = packFiles('pets', [{ path: 'grown.png', size: 100, read: async () => new Uint8Array(3) }])
  await assert.rejects(Promise.resolve(packed.slice(0, packed.size)), /"grown.png" changed while it was sent/)
})
