import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { localIncoming } from './local.ts'

const root = mkdtempSync(join(tmpdir(), 'atoll-incoming-'))
after(() => rmSync(root, { recursive: true, force: true }))
const incoming = await localIncoming({ root: join(root, 'uploads') })

test('an upload grows in pieces and ends with its SHA-256', async () => {
  await incoming.create('upl_1')
  assert.equal(await incoming.append('upl_1', 0, Readable.from([Buffer.from('abc')]), 6), 3)
  assert.equal(await incoming.append('upl_1', 3, Readable.from([Buffer.from('d'), Buffer.from('ef')]), 6), 6)
  assert.equal(await incoming.finish('upl_1'), createHash('sha256').update('abcdef').digest('hex'))
})

test('what arrived before a broken connection stays', async () => {
  await incoming.create('upl_2')
  async function* broken() {
    yield Buffer.from('abc')
    throw new Error('connection lost')
  }
  await assert.rejects(incoming.append('upl_2', 0, Readable.from(broken()), 6), /connection lost/)
  assert.equal(await incoming.received('upl_2'), 3)
})

test('refuses a piece at the wrong place, too many bytes, and a second sender', async () => {
  await incoming.create('upl_3')
  await assert.rejects(incoming.append('upl_3', 2, Readable.from(['x']), 6), {
    code: 'conflict',
    facts: { received: 0, offset: 2 },
  })
  await assert.rejects(incoming.append('upl_3', 0, Readable.from([Buffer.alloc(7)]), 6), { code: 'too_large' })
  const slow = Readable.from(
    (async function* () {
      await new Promise((done) => setTimeout(done, 50))
      yield Buffer.from('x')
    })(),
  )
  const first = incoming.append('upl_3', 0, slow, 6)
  await assert.rejects(incoming.append('upl_3', 0, Readable.from(['y']), 6), { code: 'conflict' })
  assert.equal(await first, 1)
})

test('an id is never a path', async () => {
  for (const id of ['../x', '/etc/passwd', 'upl_1/../..', '', '.']) await assert.rejects(incoming.file(id), { code: 'not_found' })
})

test('a server file is found by its real place only', async () => {
  const allowed = join(root, 'allowed')
  mkdirSync(join(allowed, 'deep'), { recursive: true })
  writeFileSync(join(root, 'secret.csv'), 'canary\n')
  writeFileSync(join(allowed, 'deep', 'a.csv'), 'x\n1\n')
  symlinkSync(join(root, 'secret.csv'), join(allowed, 'escape.csv'))
  symlinkSync(root, join(allowed, 'up'))
  const folders = [allowed]
  assert.equal((await incoming.allowed(join(allowed, 'deep', 'a.csv'), folders)).sizeBytes, 4)
  for (const path of [
    join(allowed, 'escape.csv'),
    join(allowed, 'up', 'secret.csv'),
    `${allowed}/../secret.csv`,
    '/etc/passwd',
    'allowed/deep/a.csv',
    `${allowed}/deep/a.csv\0.png`,
    join(allowed, 'absent.csv'),
    `${allowed}-other/a.csv`,
  ]) {
    await assert.rejects(incoming.allowed(path, folders), { code: 'not_found' }, path)
    await assert.rejects(incoming.copyAllowed(path, folders, join(root, 'copy')), { code: 'not_found' }, path)
  }
  await assert.rejects(incoming.allowed(join(allowed, 'deep'), folders), { code: 'invalid_input' })
  await assert.rejects(incoming.allowed(join(allowed, 'deep', 'a.csv'), []), { code: 'not_found' })
})
