import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { openFilesystemBlobs } from '../../src/ports/blobs/filesystem.ts'
import { localIncoming } from '../../src/ports/incoming/local.ts'
import { content, id } from './upload-content.ts'

const script = join(import.meta.dirname, 'put-blobs.ts')
const uploadScript = join(import.meta.dirname, 'send-upload.ts')
const noStrace = straceMissing()
// One thread of libuv: the n-th call is the same in every run.
const env = { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_OPTIONS: '' }
const watched = ['mkdir', 'write', 'fsync', 'chmod', 'rename', 'unlink']

test('killed at each system call of storing a blob: every blob is whole or absent, and none that was confirmed is missing', {
  skip: noStrace,
  timeout: 300_000,
}, async (t) => {
  const calls = tracedCalls(script)
  for (const name of ['write', 'fsync', 'rename'])
    assert.ok(
      calls.some((call) => call.name === name),
      `no ${name} was seen`,
    )
  let killed = 0
  for (const { name, nth } of calls) {
    const root = mkdtempSync(join(tmpdir(), 'atoll-kill-'))
    const run = runUntil(name, nth, script, root)
    if (run.killed) killed++
    const confirmed = [...run.stdout.matchAll(/stored (\w+)/g)].map((match) => match[1]!)
    const blobs = await openFilesystemBlobs({ root })
    const present = new Set<string>()
    for await (const { sha256 } of blobs.list()) {
      const bytes = await blobs.bytes(sha256)
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, `a corrupt blob after a kill at ${name} ${nth}`)
      present.add(sha256)
    }
    for (const sha256 of confirmed) assert.ok(present.has(sha256), `a confirmed blob is missing after a kill at ${name} ${nth}`)
    assert.deepEqual(readdirSync(join(root, 'tmp')), [], 'the next start removes what was half written')
    rmSync(root, { recursive: true, force: true })
  }
  t.diagnostic(`${killed} kills at ${calls.length} points, 0 corrupt blobs`)
  assert.ok(killed >= calls.length * 0.8, `${killed} of ${calls.length} kills took place`)
})

test('killed at each system call of an upload: what is there is a beginning of the file, nothing confirmed is missing, and it goes on from there', {
  skip: noStrace,
  timeout: 300_000,
}, async (t) => {
  const whole = createHash('sha256').update(content).digest('hex')
  const calls = tracedCalls(uploadScript)
  let killed = 0
  for (const { name, nth } of calls) {
    const root = mkdtempSync(join(tmpdir(), 'atoll-kill-'))
    const run = runUntil(name, nth, uploadScript, root)
    if (run.killed) killed++
    const confirmed = Math.max(0, ...[...run.stdout.matchAll(/received (\d+)/g)].map((match) => Number(match[1])))
    const incoming = await localIncoming({ root })
    let received = await incoming.received(id)
    if (received === null) {
      assert.equal(confirmed, 0)
      await incoming.create(id)
      received = 0
    }
    assert.ok(received >= confirmed, `${received} of ${confirmed} confirmed bytes after a kill at ${name} ${nth}`)
    assert.deepEqual(readFileSync(join(root, id)), content.subarray(0, received), `other bytes after a kill at ${name} ${nth}`)
    if (received < content.length)
      await incoming.append(id, received, Readable.from([content.subarray(received)]), content.length)
    assert.equal(await incoming.finish(id), whole)
    rmSync(root, { recursive: true, force: true })
  }
  t.diagnostic(`${killed} kills at ${calls.length} points, 0 corrupt uploads`)
  assert.ok(killed >= calls.length * 0.8, `${killed} of ${calls.length} kills took place`)
})

test('a blob’s bytes are synced before its name, and its name before it is confirmed', { skip: noStrace }, () => {
  const root = mkdtempSync(join(tmpdir(), 'atoll-order-'))
  const log = join(root, 'strace.log')
  execFileSync(
    'strace',
    ['-f', '-qq', '-y', '-o', log, '-e', 'trace=write,pwrite64,fsync,rename,renameat2', process.execPath, script, root],
    { env },
  )
  const lines = readFileSync(log, 'utf8').split('\n')
  const first = (pattern: RegExp, from = 0) => {
    const at = lines.findIndex((line, i) => i >= from && pattern.test(line))
    assert.ok(at >= 0, `${pattern} after line ${from}`)
    return at
  }
  const written = first(/write(64)?\(\d+<[^>]*\/tmp\//)
  const synced = first(/fsync\(\d+<[^>]*\/tmp\//, written)
  const renamed = first(/rename(at2)?\(.*\/tmp\//, synced)
  const folderSynced = first(/fsync\(\d+<[^>]*\/[0-9a-f]{2}>/, renamed)
  const confirmed = lines.findIndex((line) => /write\(1<.*stored/.test(line))
  assert.ok(folderSynced < confirmed, 'confirmed before the folder was synced')
  rmSync(root, { recursive: true, force: true })
})

/** Runs a script that is killed at its n-th call of a kind. */
function runUntil(name: string, nth: number, script: string, root: string): { stdout: string; killed: boolean } {
  const inject = ['-e', `trace=${name}`, '-e', `inject=${name}:signal=KILL:when=${nth}`]
  const run = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', ...inject, process.execPath, script, root], {
    env,
    encoding: 'utf8',
    timeout: 30_000,
  })
  return { stdout: run.stdout, killed: run.signal === 'SIGKILL' || run.status === 137 }
}

/** Every watched call of a run. strace counts by thread, so the thread with most of a kind says how many there are. */
function tracedCalls(script: string): { name: string; nth: number }[] {
  const root = mkdtempSync(join(tmpdir(), 'atoll-calls-'))
  const log = join(root, 'strace.log')
  execFileSync('strace', ['-f', '-qq', '-o', log, '-e', `trace=${watched}`, process.execPath, script, root], { env })
  const counts = new Map<string, number>()
  for (const [call] of readFileSync(log, 'utf8').matchAll(/^\d+ +\w+(?=\()/gm)) counts.set(call, (counts.get(call) ?? 0) + 1)
  rmSync(root, { recursive: true, force: true })
  return watched.flatMap((name) => {
    const most = Math.max(0, ...[...counts].filter(([call]) => call.endsWith(` ${name}`)).map(([, count]) => count))
    return Array.from({ length: most }, (_, i) => ({ name, nth: i + 1 }))
  })
}

function straceMissing(): string | false {
  const { status, error } = spawnSync('strace', ['-qq', '-o', '/dev/null', '-e', 'inject=fsync:delay_enter=1', 'true'])
  return status === 0 ? false : `strace cannot be used here (${error?.message ?? `exit ${status}`}); install Debian's strace`
}
