import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { onEachDatabase } from '../metadata/testing.ts'
import { newSecretKey, seal, secretKey, unseal } from './cipher.ts'
import { fileKeys, givenKeys } from './keys.ts'
import { secretsMigrations } from './migrations.ts'
import { sealedSecrets } from './sealed.ts'

async function inFolder(work: (file: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-secrets-'))
  await work(join(folder, 'secret.key'), folder).finally(() => rm(folder, { recursive: true, force: true }))
}
const key = (text = newSecretKey()) => secretKey(text, { from: 'the test' })

test('what is sealed opens with its key and in its place alone, and never looks the same twice', () => {
  const own = key()
  const text = 'Bearer sk-péché 🔑'
  const sealed = seal(own, text, 'sec_a')
  assert.equal(unseal([key(), own], sealed, 'sec_a'), text)
  assert.notEqual(seal(own, text, 'sec_a'), sealed)
  assert.ok(!sealed.includes('sk-') && !sealed.includes(Buffer.from(text).toString('base64url').slice(4, 20)))
  assert.throws(() => unseal([key()], sealed, 'sec_a'), { code: 'precondition_failed', message: /which is not here/ })
  assert.throws(() => unseal([own], sealed, 'sec_b'), { message: /was changed/ })
  const at = sealed.length - 3
  const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
  assert.throws(() => unseal([own], changed, 'sec_a'), { message: /was changed/ })
  assert.throws(() => unseal([own], sealed.split('.').slice(0, 3).join('.'), 'sec_a'), { code: 'precondition_failed' })
  // A tag that is cut short would be easier to guess.
  const [form, id, nonce, tag, content] = sealed.split('.')
  assert.throws(() => unseal([own], [form, id, nonce, tag!.slice(0, 8), content].join('.'), 'sec_a'), { message: /was changed/ })
})

test('a key is 32 bytes in either spelling, and anything else is refused without being repeated', () => {
  const bytes = Buffer.from(newSecretKey(), 'base64')
  assert.equal(key(bytes.toString('hex')).id, key(bytes.toString('base64')).id)
  for (const bad of ['hunter2', bytes.subarray(1).toString('base64'), `${bytes.toString('hex')}00`, 'z'.repeat(64)])
    assert.throws(
      () => givenKeys(bad),
      (error: Error) => /ATOLL_SECRET_KEY is no key/.test(error.message) && !error.message.includes(bad),
    )
})

test('the key file is made once, for its owner alone, and refused when others may read it', () =>
  inFolder(async (file, folder) => {
    const [one, other] = await Promise.all([fileKeys(file).all(), fileKeys(file).all()])
    assert.equal(one[0].id, other[0].id)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(folder), ['secret.key'])
    await chmod(file, 0o640)
    await assert.rejects(fileKeys(file).all(), { message: /others may read it.*chmod 600/ })
    await chmod(file, 0o600)
    await writeFile(file, '\n')
    await assert.rejects(fileKeys(file).all(), { message: /is empty/ })
  }))

onEachDatabase(
  'secrets survive a rotation, which a running server follows; the old key opens nothing after',
  secretsMigrations,
  (metadata) =>
    inFolder(async (file) => {
      const running = sealedSecrets({ metadata, keys: fileKeys(file) })
      const ids = await metadata.transaction(async (tx) => [await running.put(tx, 'one'), await running.put(tx, 'two')])
      const before = (await readFile(file, 'utf8')).trim()
      const { sealed } = await sealedSecrets({ metadata, keys: fileKeys(file) }).rotate()
      assert.equal(sealed, 2)
      assert.deepEqual(await Promise.all(ids.map((id) => running.get(id))), ['one', 'two'])
      assert.ok(!(await readFile(file, 'utf8')).includes(before))
      const late = sealedSecrets({ metadata, keys: givenKeys(before) })
      await assert.rejects(late.get(ids[0]!), { message: /which is not here/ })
      assert.equal((await late.state()).unreadable, 2)
      assert.deepEqual(await running.state(), { kept: 2, unreadable: 0, older: 0, keysFrom: file })

      const third = await metadata.transaction((tx) => running.put(tx, 'three'))
      await metadata.db
        .updateTable('secrets')
        .set({ sealed: seal(key(), 'x', third) })
        .where('id', '=', third)
        .execute()
      await assert.rejects(sealedSecrets({ metadata, keys: fileKeys(file) }).rotate(), { message: /which is not here/ })
      assert.equal(await running.get(ids[0]!), 'one', 'nothing is lost by a rotation that cannot be')
      await metadata.transaction((tx) => running.drop(tx, third))
      assert.equal(await running.get(third), null)
    }),
)

onEachDatabase(
  'keys that are given rotate by naming the new one first; rows do not stand in for each other',
  secretsMigrations,
  async (metadata) => {
    const [old, next] = [newSecretKey(), newSecretKey()]
    const before = sealedSecrets({ metadata, keys: givenKeys(old) })
    const [a, b] = await metadata.transaction(async (tx) => [await before.put(tx, 'one'), await before.put(tx, 'two')])
    const both = sealedSecrets({ metadata, keys: givenKeys(`${next},${old}`) })
    assert.equal((await both.state()).older, 2)
    await both.rotate()
    const after = sealedSecrets({ metadata, keys: givenKeys(next) })
    assert.deepEqual([await after.get(a!), await after.get(b!)], ['one', 'two'])
    const { sealed } = await metadata.db.selectFrom('secrets').select('sealed').where('id', '=', a!).executeTakeFirstOrThrow()
    await metadata.db.updateTable('secrets').set({ sealed }).where('id', '=', b!).execute()
    await assert.rejects(after.get(b!), { message: /was changed/ })
  },
)
