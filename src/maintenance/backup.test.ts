import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { readConfig } from '../kernel/config.ts'
import { openPlatform } from '../platform.ts'
import { backup } from './backup.ts'
import { restore } from './restore.ts'

const logger = pino({ level: 'silent' })

async function withBackup(work: (made: { folder: string; file: string; sha256: string }) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-backup-'))
  try {
    const platform = await openPlatform(readConfig({}, { dataDir: join(folder, 'data') }), { logger })
    await platform.domains.auth.firstStart.ensure('Ada')
    const { sha256 } = await platform.blobs.put('rows of a table')
    await backup({ ...platform, version: '1.2.3' }, join(folder, 'backup.tar'))
    await platform.close()
    await work({ folder, file: join(folder, 'backup.tar'), sha256 })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('a backup laid into a new folder holds the same rows and blobs', () =>
  withBackup(async ({ folder, file, sha256 }) => {
    const dataDir = join(folder, 'restored')
    assert.deepEqual(await restore(file, dataDir, logger), { dataDir, blobs: 1, sizeBytes: 15, version: '1.2.3' })
    const platform = await openPlatform(readConfig({}, { dataDir }), { logger })
    const users = await platform.metadata.db.selectFrom('users').select('name').execute()
    assert.deepEqual(users, [{ name: 'Ada' }])
    assert.equal(Buffer.from(await platform.blobs.bytes(sha256)).toString(), 'rows of a table')
    await platform.close()
  }))

test('a folder that holds something is not touched', () =>
  withBackup(async ({ folder, file }) => {
    await assert.rejects(restore(file, join(folder, 'data'), logger), { code: 'conflict' })
  }))

test('a backup with a changed byte, cut short, or of something else leaves nothing behind', () =>
  withBackup(async ({ folder, file }) => {
    const whole = await readFile(file)
    const changed = Buffer.from(whole)
    changed[whole.lastIndexOf('rows of a table')] = 0x52
    for (const [name, bytes] of [
      ['changed', changed],
      ['short', whole.subarray(0, 2048)],
      ['other', Buffer.from('PK\u0003\u0004 not a tar')],
    ] as const) {
      const bad = join(folder, `${name}.tar`)
      await writeFile(bad, bytes)
      await assert.rejects(restore(bad, join(folder, `from-${name}`), logger), name)
    }
    const left = await readdir(folder)
    assert.deepEqual(
      left.filter((name) => name.includes('from-')),
      [],
    )
  }))
