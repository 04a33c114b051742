import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { customers, trainingWorld } from '../training-world.ts'

const sizeBytes = 48 * 2 ** 20
const root = mkdtempSync(join(tmpdir(), 'atoll-full-life-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=700`, 'tmpfs', root], { encoding: 'utf8' })
const skip =
  mounted.status === 0
    ? false
    : `a small file system cannot be mounted here: ${(mounted.stderr || mounted.error?.message || '').trim()}`
after(() => {
  if (!skip) spawnSync('umount', ['-l', root])
  rmSync(root, { recursive: true, force: true })
})

const filler = join(root, 'filler')
let fillers = 0

/** Takes all room of the disk but so much. Others write meanwhile, so the last of it is taken in ever smaller pieces. */
function leave(bytes: number) {
  mkdirSync(filler, { recursive: true })
  const room = () => {
    const { bavail, bsize } = statfsSync(root)
    return bavail * bsize - bytes
  }
  for (let size = room(); size >= 4096; size = Math.min(size / 2, room()))
    try {
      writeFileSync(join(filler, String(fillers++)), Buffer.alloc(Math.floor(size)))
    } catch {
      // Somebody was quicker.
    }
}
const makeRoom = () => rmSync(filler, { recursive: true, force: true })

test('uploads, imports and trainings on a full disk: one clear sentence each, no debris, and the same again works with room', {
  skip,
  timeout: 600_000,
}, async (t) => {
  const w = await trainingWorld({ dataDir: join(root, 'data'), warmSeconds: 0 })
  t.after(() => w.close())
  const put = (upload: string, offset: number, bytes: Buffer) =>
    fetch(`${w.server.url}/v1/uploads/${upload}?offset=${offset}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    })

  // An upload: refused with 507 where the disk ends; what had arrived counts, and it goes on from there.
  const lines = Array.from({ length: 40_000 }, (_, at) => `${at},${randomBytes(32).toString('hex')}`)
  const table = Buffer.from(`number,word\n${lines.join('\n')}\n`)
  const upload = await w.ask('POST', '/v1/uploads', { filename: 'large.csv', sizeBytes: table.length })
  leave(1_000_000)
  const refused = await put(upload.id, 0, table)
  assert.equal(refused.status, 507)
  const { error } = (await refused.json()) as any
  assert.deepEqual([error.code, error.message], ['storage_full', 'The disk is full. Free some space and try again.'])
  const { receivedBytes } = await w.ask('GET', `/v1/uploads/${upload.id}`)
  assert.ok(receivedBytes < table.length, `${receivedBytes}`)
  makeRoom()
  const sent = (await (await put(upload.id, receivedBytes, table.subarray(receivedBytes))).json()) as any
  assert.deepEqual([sent.state, sent.sha256], ['complete', createHash('sha256').update(table).digest('hex')])

  // An import: the job says it, the data set never was, and the upload is still there for another try.
  const input = { name: 'large', source: { upload: upload.id } }
  leave(1_500_000)
  const created = await w.call('POST', '/v1/datasets', { body: input })
  if (created.status < 300) {
    const job = await w.ended(created.json.job)
    assert.deepEqual([job.state, job.failure?.code], ['failed', 'storage_full'], JSON.stringify(job.failure))
    assert.match(job.failure!.message, /disk is (too )?full.*Free some space/)
  } else assert.deepEqual([created.status, created.json.error.code], [507, 'storage_full'], created.text)
  assert.equal((await w.call('GET', '/v1/datasets/large')).status, 404)
  assert.deepEqual(readdirSync(join(root, 'data/blobs/tmp')), [])
  makeRoom()
  const made = await w.ask('POST', '/v1/datasets', input)
  assert.equal((await w.ended(made.job)).state, 'succeeded')

  // A training that is under way when the last byte goes.
  const dataset = await w.addTable('customers', customers(3000), 'churn')
  const asked = { dataset: dataset.id, algorithms: ['lightgbm'], search: { trials: 2 }, model: 'churn', metric: 'f1' }
  const { job } = await w.ask('POST', '/v1/training-jobs', asked)
  const isFitting = async () =>
    (await w.ask('GET', `/v1/jobs/${job.id}/log?type=progress&limit=500`)).items.some(
      (event: any) => event.data.stage === 'search',
    )
  while (!(await isFitting())) await sleep(50)
  leave(0)
  assert.equal((await w.call('GET', '/v1/datasets')).status, 200, 'reads go on')
  const written = await w.call('POST', '/v1/goals', {
    body: { dataset: dataset.id, target: 'churn', metric: 'f1', atLeast: 0.5 },
  })
  assert.ok([201, 507].includes(written.status), written.text)
  for (let n = 0; n < 300 && (await w.ask('GET', `/v1/jobs/${job.id}`)).state === 'running'; n++) await sleep(50)
  makeRoom()
  const ended = await w.ended(job.id)
  assert.deepEqual([ended.state, ended.failure?.code], ['failed', 'storage_full'], JSON.stringify(ended.failure))
  assert.match(ended.failure!.message, /disk.*Free some space and try again/)
  assert.equal((await w.call('GET', '/v1/models/churn')).status, 404, 'no half of a model')

  const again = await w.train(asked as never)
  assert.equal(again.state, 'succeeded', JSON.stringify(again.failure))
  assert.deepEqual(await w.platform.metadata.integrityCheck(), [])
  assert.equal((await w.ask('GET', '/v1/audit/verify')).brokenAt, null)
  for await (const { sha256 } of w.platform.blobs.list()) {
    const bytes = await w.platform.blobs.bytes(sha256)
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256)
  }
})
