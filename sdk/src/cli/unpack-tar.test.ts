import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pack } from 'tar-stream'
import { unpackTar } from './unpack-tar.ts'

async function archiveOf(files: Record<string, string>, type: 'file' | 'symlink' = 'file'): Promise<Uint8Array> {
  const tar = pack()
  for (const [name, text] of Object.entries(files))
    tar.entry({ name, type, ...(type === 'symlink' && { linkname: '/etc' }) }, type === 'file' ? text : undefined)
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

test('an archive is laid out below its folder, and nothing beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-tar-'))
  try {
    const long = `${'deep/'.repeat(24)}file.js`
    const names = await unpackTar(
      await archiveOf({ 'a.json': '{}', 'b/c.txt': 'x'.repeat(1000), [long]: 'y' }),
      join(folder, 'out'),
    )
    assert.deepEqual(names, ['a.json', 'b/c.txt', long])
    assert.equal((await readFile(join(folder, 'out/b/c.txt'), 'utf8')).length, 1000)
    for (const name of ['../x', '/x', 'a/../../x', 'a//b', './a'])
      await assert.rejects(
        unpackTar(await archiveOf({ 'good.txt': 'g', [name]: 'bad' }), join(folder, 'bad')),
        /leads out of the folder/,
        name,
      )
    await assert.rejects(unpackTar(await archiveOf({ link: '' }, 'symlink'), join(folder, 'bad')), /no plain file/)
    await assert.rejects(
      unpackTar((await archiveOf({ a: 'x'.repeat(5000) })).subarray(0, 1500), join(folder, 'bad')),
      /cut short/,
    )
    assert.deepEqual(await readdir(folder), ['out'])
  } finally {
    await rm(folder, { recursive: true })
  }
})
