import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { mediaLimits } from './limits.ts'
import type { UnpackedItem } from './media.ts'
import { openMedia } from './open.ts'
import { picture, type ZipEntry, zipOf } from './testing.ts'
import { unpack } from './unpack.ts'

const root = mkdtempSync(join(tmpdir(), 'atoll-media-port-'))
const media = openMedia()
after(async () => {
  await media.close()
  rmSync(root, { recursive: true, force: true })
})

let count = 0
async function unpacked(content: Buffer | string) {
  const from = typeof content === 'string' ? content : join(root, `${++count}.archive`)
  if (typeof content !== 'string') writeFileSync(from, content)
  const to = join(root, `${++count}`)
  mkdirSync(to)
  const result = await media.unpack({ from, to })
  const lines = readFileSync(join(to, 'items.jsonl'), 'utf8').split('\n').filter(Boolean)
  return { ...result, to, found: lines.map((line) => JSON.parse(line) as UnpackedItem) }
}

async function tarOf(entries: { name: string; content?: Buffer; link?: string }[]): Promise<Buffer> {
  const tar = pack()
  for (const { name, content, link } of entries)
    if (link) tar.entry({ name, type: 'symlink', linkname: link })
    else tar.entry({ name }, content ?? Buffer.alloc(0))
  tar.finalize()
  return buffer(tar)
}

test('zip, tar and tar.gz of the same files give the same items', async () => {
  const one = await picture(1)
  const large = Buffer.alloc(5 * 1024 ** 2, 'words and more words, ')
  const files = [
    { name: 'a/äö 1.png', content: one },
    { name: 'a/large.txt', content: large },
  ]
  const tar = await tarOf(files)
  const each = await Promise.all([zipOf(files), tar, gzipSync(tar)].map(unpacked))
  for (const { found, to } of each) {
    assert.deepEqual(
      found.map(({ path, kind, sizeBytes }) => [path, kind, sizeBytes]),
      [
        ['a/äö 1.png', 'image', one.length],
        ['a/large.txt', 'text', large.length],
      ],
    )
    assert.deepEqual(readFileSync(join(to, found[0]!.file)), one)
    assert.deepEqual(readFileSync(join(to, found[1]!.file)), large)
    assert.deepEqual([found[0]!.image?.width, found[0]!.image?.height], [24, 16])
  }
})

test('nothing leaves the folder: paths that climb, absolute ones and links are left out by name', async () => {
  const content = await picture(2)
  const names = ['../up.png', '/etc/cron.png', 'a/../../b.png', 'C:\\win.png', 'a\0b.png', 'ok/./c.png']
  const entries: ZipEntry[] = [
    ...names.map((name) => ({ name, content })),
    { name: 'link.png', content: '/etc/passwd', mode: 0o120777 },
    { name: 'ok/1.png', content },
    { name: 'ok/1.png', content },
    { name: '__MACOSX/ok/._1.png', content },
    { name: '.DS_Store', content },
    { name: 'win\\dows\\2.png', content },
  ]
  const { found, leftOutCount, leftOut, to } = await unpacked(zipOf(entries))
  assert.deepEqual(
    found.map(({ path }) => path),
    ['ok/1.png', 'win/dows/2.png'],
  )
  assert.equal(leftOutCount, names.length + 2)
  assert.match(leftOut.map(({ why }) => why).join(), /leaves the archive.*is a link.*twice/)
  assert.ok(readdirSync(to).every((name) => ['files', 'items.jsonl'].includes(name)))
  assert.ok(!existsSync(join(to, '..', 'up.png')))
  const tar = await unpacked(
    await tarOf([
      { name: '../x.png', content },
      { name: 'l.png', link: '../../secret' },
      { name: 'y.png', content },
    ]),
  )
  assert.deepEqual(
    tar.found.map(({ path }) => path),
    ['y.png'],
  )
})

test('a folder on the server: links in it are not followed', async () => {
  const folder = join(root, 'server')
  mkdirSync(join(folder, 'cats'), { recursive: true })
  writeFileSync(join(root, 'secret.png'), await picture(3))
  writeFileSync(join(folder, 'cats', '1.png'), await picture(4))
  symlinkSync(join(root, 'secret.png'), join(folder, 'cats', 'link.png'))
  symlinkSync(root, join(folder, 'up'))
  const { found, leftOutCount } = await unpacked(folder)
  assert.deepEqual(
    found.map(({ path }) => path),
    ['cats/1.png'],
  )
  assert.equal(leftOutCount, 2)
})

test('a bomb is not unpacked further than its limits', async () => {
  const bomb = async (content: Buffer, limits: Partial<typeof mediaLimits>) => {
    const from = join(root, `${++count}.zip`)
    writeFileSync(from, content)
    const to = join(root, `${++count}`)
    mkdirSync(to)
    return unpack({ from, to }, () => {}, { ...mediaLimits, ...limits } as typeof mediaLimits)
  }
  const zeros = Buffer.alloc(1024 ** 2)
  const many = zipOf(Array.from({ length: 20 }, (_, at) => ({ name: `${at}.bin`, content: zeros })))
  await assert.rejects(bomb(many, { freeBytes: (1024 ** 2) as never }), { code: 'too_large', message: /100 times its size/ })
  await assert.rejects(bomb(many, { items: 10 as never }), {
    code: 'too_large',
    message: /at most 10 are read|More than 10 files/,
  })
  await assert.rejects(bomb(many, { itemBytes: 1000 as never }), { code: 'too_large' })
  const lie = zipOf([{ name: 'small.bin', content: Buffer.alloc(50 * 1024 ** 2), says: 100 }])
  await assert.rejects(bomb(lie, {}), { code: 'too_large' })
})

test('damaged and foreign archives are refused in a sentence', async () => {
  const good = zipOf([{ name: 'a.png', content: await picture(5) }])
  await assert.rejects(unpacked(good.subarray(0, good.length - 30)), { code: 'invalid_input', message: /damaged or cut off/ })
  await assert.rejects(unpacked(Buffer.from('not an archive at all')), {
    code: 'unsupported_type',
    message: /\.zip, \.tar and \.tar\.gz/,
  })
  const tar = gzipSync(await tarOf([{ name: 'a.png', content: Buffer.alloc(100_000, 1) }]))
  await assert.rejects(unpacked(tar.subarray(0, tar.length - 50)), {
    code: 'invalid_input',
    message: /tar\.gz archive is damaged|unexpected end of file/,
  })
})

test('a thumbnail fits its size and stands upright', async () => {
  const from = join(root, 'wide.jpg')
  writeFileSync(from, await picture(6, { width: 400, height: 100, format: 'jpeg' }))
  await media.thumbnail({ from, to: join(root, 'thumb.webp'), size: 64 })
  const { found } = await unpacked(zipOf([{ name: 't.webp', content: readFileSync(join(root, 'thumb.webp')) }]))
  assert.deepEqual([found[0]!.contentType, found[0]!.image?.width, found[0]!.image?.height], ['image/webp', 64, 16])
})

test('work that nobody waits for any more is stopped', async () => {
  const to = join(root, 'stopped')
  mkdirSync(to)
  const from = join(root, 'some.zip')
  writeFileSync(from, zipOf([{ name: 'a.png', content: await picture(7) }]))
  await assert.rejects(media.unpack({ from, to, signal: AbortSignal.abort() }), { code: 'precondition_failed' })
})
