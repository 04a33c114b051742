import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { localFiles } from './local.ts'
import { resolvePath } from './resolve-path.ts'

const files = localFiles()
let root: string
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'atoll-files-'))
  await writeFile(join(root, '..', 'atoll-canary'), 'SECRET')
})
after(async () => {
  await rm(root, { recursive: true, force: true })
  await rm(join(root, '..', 'atoll-canary'), { force: true })
})

test('no path leaves its root', () => {
  for (const path of ['../x', 'a/../../x', '/etc/passwd', 'a\0b', '..', 'a\\..\\b', 'a/..', './../x'])
    assert.throws(() => resolvePath('/data', path), { code: 'invalid_input' }, path)
  assert.equal(resolvePath('/data', 'a/b', 'c'), '/data/a/b/c')
  assert.equal(resolvePath('/data', ''), '/data')
  assert.equal(resolvePath('/data', '..a/b..'), '/data/..a/b..')
})

test('links that a job left are not followed: not a file, not a folder on the way, not in a list', async () => {
  await symlink('/etc/passwd', join(root, 'secret'))
  await symlink(join(root, '..'), join(root, 'up'))
  await assert.rejects(files.readText(root, 'secret'), { code: 'invalid_input' })
  await assert.rejects(files.readText(root, 'up/atoll-canary'), { code: 'invalid_input' })
  await assert.rejects(files.copy({ root, path: 'secret' }, { root, path: 'copied' }), { code: 'invalid_input' })
  await assert.rejects(files.copy({ root, path: 'up/atoll-canary' }, { root, path: 'copied' }), { code: 'invalid_input' })
  assert.deepEqual(await files.list(root, 'up'), [])
  assert.ok((await files.list(root)).every((file) => !file.path.startsWith('up') && file.path !== 'secret'))
})

test('a pipe is refused at once', async () => {
  execFileSync('mkfifo', [join(root, 'pipe')])
  await assert.rejects(files.readText(root, 'pipe'), { code: 'invalid_input' })
})

test('what a job leaves is bounded in size and count', async () => {
  await mkdir(join(root, 'many'))
  for (let i = 0; i < 5; i++) await writeFile(join(root, 'many', `${i}`), 'x'.repeat(10))
  await assert.rejects(files.readText(root, 'many/0', 9), { code: 'too_large' })
  await assert.rejects(files.list(root, 'many', { maxFiles: 4 }), { code: 'too_large' })
  await assert.rejects(files.list(root, 'many', { maxBytes: 49 }), { code: 'too_large' })
  assert.equal((await files.list(root, 'many')).length, 5)
  await assert.rejects(files.writeStream(root, 'big', Readable.from([Buffer.alloc(100)]), 99), { code: 'too_large' })
  assert.equal(await files.exists(root, 'big'), false)
})

test('reads and writes JSON, copies and moves folders', async () => {
  await files.makeFolder(root, 'a/b')
  await files.writeJson(root, 'a/b/c.json', { n: 1 })
  await files.copy({ root, path: 'a' }, { root, path: 'copy' })
  await files.move({ root, path: 'copy/b' }, { root, path: 'moved/b' })
  assert.deepEqual(await files.readJson(root, 'moved/b/c.json'), { n: 1 })
  assert.deepEqual(await files.names(root, 'absent'), [])
  await assert.rejects(files.readJson(root, 'absent.json'), { code: 'not_found' })
  await files.writeText(root, 'broken.json', '{')
  await assert.rejects(files.readJson(root, 'broken.json'), /broken\.json is not valid JSON/)
})

test('follows a growing file line by line, half lines and long ones included', async () => {
  await writeFile(join(root, 'events'), '')
  const follower = await files.follow(root, 'events')
  assert.deepEqual(await follower.next(), [])
  await appendFile(join(root, 'events'), 'one\ntw')
  assert.deepEqual(await follower.next(), ['one'])
  await appendFile(join(root, 'events'), `o\n${'z'.repeat(2_500_000)}\nlast`)
  const rest: string[] = []
  do rest.push(...(await follower.next()))
  while (!follower.isAtEnd)
  assert.deepEqual(
    rest.map((line) => line.length),
    [3, 2_500_000],
  )
  assert.equal(await follower.close(), 'last')
})
