/** Secrets that others gave: whoever copies the database, the data folder, a backup, the log or an answer learns none of them. */
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { backup } from '../../src/maintenance/backup.ts'
import { examine } from '../../src/maintenance/doctor.ts'
import { openPlatform } from '../../src/platform.ts'
import { type ModelWorld, modelWorld } from '../model-world.ts'

const timeout = 120_000
const key = 'Bearer CANARY-of-the-model-elsewhere'
const password = 'CANARY-of-the-mail-server'
const mail = {
  host: 'mail.lab.example',
  port: 587,
  security: 'starttls',
  user: 'atoll',
  from: 'atoll@lab.example',
  domains: [],
}

/** Gives the platform one secret of each kind, and answers what may be found nowhere. */
async function giveSecrets(w: ModelWorld): Promise<{ queue: string; webhook: string; monitor: string }> {
  await w.ask('PATCH', '/v1/settings', { outboundHosts: ['models.example'], mail: { ...mail, password } })
  await w.register('churn')
  await w.ask('POST', '/v1/endpoints', { name: 'live', model: 'churn' })
  await w.ask('POST', '/v1/monitors', { name: 'watch', endpoint: 'live' })
  // A model of rows is not tried when it is registered: nothing outside is called.
  await w.ask('POST', '/v1/imports/external', {
    name: 'far',
    url: 'https://models.example/rows',
    protocol: 'http',
    task: 'regression',
    target: 'y',
    inputs: [{ name: 'a' }],
    header: { value: key },
  })
  const { secret: queue } = await w.ask('POST', '/v1/endpoints/live/queue/secret')
  const { secret: webhook } = await w.ask('POST', '/v1/monitors/watch/webhook-secret')
  return { queue, webhook, monitor: 'watch' }
}

const spellings = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
]

function refuseAny(bytes: Buffer, secrets: readonly string[], where: string): void {
  for (const secret of secrets)
    for (const spelled of spellings(secret)) assert.ok(!bytes.includes(spelled), `${where} holds ${secret.slice(0, 12)}…`)
}

async function refuseInFolder(folder: string, secrets: readonly string[]): Promise<number> {
  let files = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    refuseAny(await readFile(path), secrets, path)
    files++
  }
  return files
}

async function textOf(w: ModelWorld, path: string): Promise<string> {
  const { status, text } = await w.call('GET', path)
  assert.equal(status, 200, `${path}: ${text.slice(0, 300)}`)
  return text
}

async function allTables({ platform }: ModelWorld): Promise<Buffer> {
  const { db } = platform.metadata
  const rows = []
  for (const { name } of await db.introspection.getTables()) rows.push(name, await db.selectFrom(name).selectAll().execute())
  return Buffer.from(JSON.stringify(rows))
}

test('no answer, log line, audit line, table, file or backup holds a secret that was given', { timeout }, async () => {
  const w = await modelWorld()
  try {
    const { queue, webhook } = await giveSecrets(w)
    const secrets = [key, password, queue, webhook]
    const answers = [
      '/v1/settings',
      '/v1/audit?limit=100',
      '/v1/models/far',
      '/v1/models/far/versions',
      '/v1/models/far/versions/1/card',
      '/v1/models/far/versions/1/files/external.json',
      '/v1/monitors/watch',
      '/v1/endpoints/live',
      '/v1/endpoints/live/queue',
      '/v1/search?q=CANARY',
      '/v1/status',
      '/metrics',
    ]
    for (const path of answers) refuseAny(Buffer.from(await textOf(w, path)), secrets, path)
    // What a refusal repeats of a request is no secret either.
    const refused = await w.call('PATCH', '/v1/settings', { body: { mail: { ...mail, security: 'none', password } } })
    assert.equal(refused.status, 400)
    refuseAny(Buffer.from(refused.text), secrets, 'the refusal')
    refuseAny(Buffer.from(w.log.join('\n')), secrets, 'the log')
    refuseAny(await allTables(w), secrets, 'the database')
    assert.ok((await refuseInFolder(w.dataDir, secrets)) > 3)

    const file = join(w.dataDir, 'backup.tar')
    await backup({ ...w.platform, version: '1' }, file)
    const archive = await readFile(file)
    refuseAny(archive, [...secrets, (await readFile(join(w.dataDir, 'secret.key'), 'utf8')).trim()], 'the backup')

    assert.equal((await w.platform.domains.auth.settings.mailServer())!.password, password)
    const before = await w.platform.secrets.state()
    await w.ask('POST', '/v1/endpoints/live/queue/secret')
    await w.ask('PATCH', '/v1/settings', { mail: null })
    assert.equal((await w.platform.secrets.state()).kept, before.kept - 1, 'what is replaced or taken away is kept no longer')
  } finally {
    await w.close()
  }
})

test('what an earlier version kept as it is is encrypted at the next start, and no byte of it is left', { timeout }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-secrets-'))
  const w = await modelWorld({ dataDir })
  const { platform } = w
  let isOpen = true
  const { config } = platform
  const logger = pino({ level: 'silent' })
  const old = { queue: 'atoll_whs_CANARY-old-queue', webhook: 'atoll_whs_CANARY-old-monitor' }
  const secrets = [key, password, old.queue, old.webhook]
  try {
    await giveSecrets(w)
    const { db } = platform.metadata
    const external = (await db.selectFrom('secrets').select('id').orderBy('created_at').execute())[1]!.id
    // As it was before: in columns, in the settings and in files named by their ids.
    await db.updateTable('monitors').set({ webhook_secret: old.webhook }).execute()
    await db.updateTable('invocation_queues').set({ secret: old.queue }).execute()
    await db.deleteFrom('settings').where('key', '=', 'mail.secret').execute()
    await db
      .insertInto('settings')
      .values({ key: 'mail.password', value: JSON.stringify(password) })
      .execute()
    await db.deleteFrom('secrets').execute()
    await mkdir(join(dataDir, 'secrets'), { mode: 0o700 })
    await writeFile(join(dataDir, 'secrets', external), key, { mode: 0o600 })
    await rm(join(dataDir, 'secret.key'))
    await w.close()
    isOpen = false
    await assert.rejects(refuseInFolder(dataDir, secrets), /holds/)

    const next = await openPlatform(config, { logger })
    const { kept, unreadable } = await next.secrets.state()
    assert.deepEqual([kept, unreadable], [4, 0])
    assert.equal((await next.domains.auth.settings.mailServer())!.password, password)
    assert.equal(await next.secrets.get(external), key)
    const queue = await next.metadata.db.selectFrom('invocation_queues').select('secret').executeTakeFirstOrThrow()
    assert.equal(await next.secrets.get(queue.secret), old.queue)
    const monitor = await next.metadata.db.selectFrom('monitors').select('webhook_secret').executeTakeFirstOrThrow()
    assert.equal(await next.secrets.get(monitor.webhook_secret), old.webhook)
    assert.ok((await refuseInFolder(dataDir, secrets)) > 3)
    await next.close()
    await refuseInFolder(dataDir, secrets)

    // Whoever has the folder without the key has nothing, and is told so.
    const keyFile = join(dataDir, 'secret.key')
    await rename(keyFile, `${keyFile}.away`)
    const without = await openPlatform(config, { logger })
    await assert.rejects(without.domains.auth.settings.mailServer(), {
      code: 'precondition_failed',
      message: /which is not here/,
    })
    const found = (await examine(without)).find(({ what }) => what === 'secrets')!
    assert.deepEqual([found.state, /4 of 4/.test(found.detail)], ['bad', true])
    await without.close()
    await rename(`${keyFile}.away`, keyFile)
    await chmod(keyFile, 0o644)
    await assert.rejects(openPlatform(config, { logger }), { message: /others may read it/ })
  } finally {
    if (isOpen) await w.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})
