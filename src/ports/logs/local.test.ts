import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { LogPosition } from './append-log.ts'
import { localAppendLogs } from './local.ts'

const root = mkdtempSync(join(tmpdir(), 'atoll-logs-'))
after(() => rmSync(root, { recursive: true }))
const failures: unknown[] = []
const logs = localAppendLogs(root, (error) => failures.push(error))

async function readAll(name: string, most: number): Promise<string[]> {
  const found: string[] = []
  let before: LogPosition | undefined
  for (;;) {
    const { lines, next } = await logs.readBack(name, most, before)
    found.push(...lines.map((line) => line.text))
    if (!next) return found
    before = next
  }
}

test('lines are read back newest first, page by page, across writers', async () => {
  const written: string[] = []
  for (let writer = 0; writer < 3; writer++) {
    const log = logs.open('a')
    for (let i = 0; i < 1000; i++) {
      const line = `{"writer":${writer},"i":${i},"text":"${'ü'.repeat(i % 200)}"}`
      written.push(line)
      assert.equal(log.append(line), true)
    }
    await log.close()
  }
  assert.equal((await logs.segments('a')).length, 3)
  assert.deepEqual(await readAll('a', 70), written.toReversed())
  assert.deepEqual(await readAll('a', 3000), written.toReversed())
  assert.deepEqual(failures, [])
})

test('flush means in the file; an absent log is empty', async () => {
  const log = logs.open('b')
  log.append('one')
  await log.flush()
  const [segment] = await logs.segments('b')
  assert.equal(readFileSync(segment!.path, 'utf8'), 'one\n')
  log.append('two')
  await log.close()
  assert.equal(readFileSync(segment!.path, 'utf8'), 'one\ntwo\n')
  assert.deepEqual(await readAll('never', 10), [])
})

test('a log that was closed takes no more lines, and opens no file for them', async () => {
  const log = logs.open('shut')
  log.append('one')
  const closing = log.close()
  assert.equal(log.append('two'), false)
  await closing
  assert.equal(log.append('three'), false)
  await log.flush()
  assert.deepEqual(await readAll('shut', 10), ['one'])
  assert.equal((await logs.segments('shut')).length, 1)
})

test('a line that a crash cut short is read as it is, and later lines stay whole', async () => {
  const log = logs.open('c')
  log.append('whole')
  await log.close()
  const [segment] = await logs.segments('c')
  appendFileSync(segment!.path, '{"cut')
  assert.deepEqual(await readAll('c', 10), ['{"cut', 'whole'])
})

test('too much waiting is refused rather than kept in memory', async () => {
  const log = logs.open('d')
  const line = 'x'.repeat(1_000_000)
  let taken = 0
  while (log.append(line)) taken++
  assert.ok(taken > 20 && taken < 60, `${taken} lines of a megabyte were taken`)
  await log.close()
  assert.equal((await readAll('d', 100)).length, taken)
})

test('pruning removes what is old and nothing else', async () => {
  const [old] = await logs.segments('b')
  const log = logs.open('b')
  log.append('fresh')
  await log.close()
  utimesSync(old!.path, new Date(0), new Date(0))
  await logs.prune('b', Date.now() - 1000)
  assert.deepEqual(await readAll('b', 10), ['fresh'])
  await logs.remove('b')
  assert.equal(existsSync(logs.folder('b')), false)
  assert.throws(() => logs.folder('../x'))
})

test('a log that outgrows its bound lets its oldest files go', async () => {
  const small = localAppendLogs(root, (error) => failures.push(error), { segmentBytes: 10_000, keepBytes: 50_000 })
  const log = small.open('e')
  for (let i = 0; i < 300; i++) {
    log.append(`${i} ${'x'.repeat(1000)}`)
    if (i % 5 === 4) await log.flush()
  }
  await log.close()
  const sizes = (await small.segments('e')).map((segment) => segment.sizeBytes)
  assert.ok(sizes.length >= 3 && sizes.reduce((sum, size) => sum + size, 0) <= 60_000, sizes.join(' '))
  const kept = (await readAll('e', 100)).map((line) => Number.parseInt(line, 10))
  assert.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, i) => 299 - i),
  )
  assert.deepEqual(failures, [])
})
