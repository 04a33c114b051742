import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Executor, ProcessRequest, SandboxLevel } from './executor.ts'
import { openLocalExecutor } from './local.ts'
import { isIdentityAlive, ownIdentity } from './process-identity.ts'

const found = await openLocalExecutor({ python: 'python3' })
const limited = await openLocalExecutor({ python: 'python3', probe: { level: 'limits-only', reason: 'asked for by this test' } })
const needsFull = found.sandbox === 'full' ? false : `no full sandbox here: ${found.sandboxReason}`

const folders: string[] = []
async function newFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-exec-'))
  folders.push(folder)
  return folder
}
after(async () => {
  await Promise.all([found.close(), limited.close()])
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
})

async function request(code: string, change: Partial<ProcessRequest> = {}): Promise<ProcessRequest & { lines: string[] }> {
  const lines: string[] = []
  return {
    folder: await newFolder(),
    argv: ['/usr/bin/env', 'sh', '-c', code],
    env: {},
    readOnly: [],
    limits: { ...found.defaultLimits, wallSeconds: 60 },
    onLine: (line) => lines.push(line),
    lines,
    ...change,
  }
}

function everyLevel(name: string, check: (executor: Executor, level: SandboxLevel) => Promise<void>) {
  test(`sandbox full: ${name}`, { skip: needsFull }, () => check(found, 'full'))
  test(`sandbox limits-only: ${name}`, () => check(limited, 'limits-only'))
}

everyLevel('runs in its folder and reports lines, exit code and usage', async (executor) => {
  const job = await request(
    'echo hello; echo trouble >&2; echo result > out; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 3',
  )
  const outcome = await executor.run(job)
  assert.deepEqual(job.lines.sort(), ['hello', 'trouble'])
  assert.equal(outcome.exitCode, 3)
  assert.equal(await readFile(join(job.folder, 'out'), 'utf8'), 'result\n')
  assert.ok(
    outcome.usage.wallSeconds > 0 && outcome.usage.cpuSeconds > 0 && outcome.usage.peakMemoryBytes > 500_000,
    JSON.stringify(outcome),
  )
  assert.deepEqual(readdirSync(job.folder), ['out'])
})

everyLevel('the job sees nothing of our environment', async (executor) => {
  process.env.ATOLL_TEST_SECRET = 'canary-8271'
  const job = await request('env; for p in /proc/1/environ /proc/$PPID/environ; do tr "\\0" "\\n" < $p 2>/dev/null; done; true')
  await executor.run(job)
  assert.ok(job.lines.some((line) => line.startsWith('PATH=')))
  if (executor.sandbox === 'full') assert.ok(!job.lines.join('\n').includes('canary-8271'))
  assert.ok(!(await envOf(executor)).includes('canary-8271'))
})

const envOf = async (executor: Executor) => {
  const job = await request('env')
  await executor.run(job)
  return job.lines.join('\n')
}

everyLevel('SIGTERM lets the job write its checkpoint, then its exit code counts', async (executor) => {
  const stop = new AbortController()
  const job = await request('trap "echo saved > checkpoint; exit 143" TERM; echo ready; while :; do sleep 0.05; done', {
    signal: stop.signal,
  })
  const running = executor.start({
    ...job,
    onLine: (line) => {
      if (line === 'ready') stop.abort()
    },
  })
  const outcome = await running.done
  assert.equal(outcome.exitCode, 143)
  assert.equal(outcome.stopped, true)
  assert.equal(await readFile(join(job.folder, 'checkpoint'), 'utf8'), 'saved\n')
})

everyLevel('a job that ignores SIGTERM is killed after its grace, with all it started', async (executor) => {
  const stop = new AbortController()
  const marker = `86${process.pid}.${executor.sandbox.length}`
  const job = await request(`trap "" TERM; setsid sleep ${marker} & sleep ${marker} & echo ready; while :; do sleep 0.05; done`, {
    signal: stop.signal,
    graceSeconds: 0.3,
    onLine: () => stop.abort(),
  })
  const outcome = await executor.run(job)
  assert.equal(outcome.signal, 'SIGKILL')
  await nothingRuns(`sleep ${marker}`)
})

everyLevel('a daemon does not outlive its job', async (executor) => {
  const marker = `87${process.pid}.${executor.sandbox.length}`
  await executor.run(await request(`setsid sleep ${marker} >/dev/null 2>&1 & sleep 0.1`))
  await nothingRuns(`sleep ${marker}`)
})

everyLevel('memory, time, processes and file size are limited, and the limit is named', async (executor, level) => {
  const limits = { ...found.defaultLimits, wallSeconds: 30, memoryBytes: 150e6 }
  const hog = await request('', {
    argv: ['python3', '-c', 'x=[]\nwhile True: x.append(bytearray(b"1")*4_000_000)'],
    limits,
    ...(await pythonFolders()),
  })
  assert.equal((await executor.run(hog)).limit, 'memory')

  const slow = await request('while :; do sleep 0.05; done', { limits: { ...limits, wallSeconds: 0.4 } })
  assert.equal((await executor.run(slow)).limit, 'wall')

  const many = await request('i=0; while [ $i -lt 60 ]; do sleep 9 & i=$((i+1)); done; wait', {
    limits: { ...limits, maxProcesses: 20 },
  })
  const outcome = await executor.run(many)
  assert.ok(outcome.limit === 'processes' || (outcome.exitCode !== 0 && level === 'full'), JSON.stringify(outcome))

  const large = await request('dd if=/dev/zero of=big bs=65536 count=100', { limits: { ...limits, maxFileBytes: 100_000 } })
  assert.notEqual((await executor.run(large)).exitCode, 0)
  assert.ok(readFileSync(join(large.folder, 'big')).length <= 100_000)
})

everyLevel(
  'a job that leaves more files than its limit of disk is stopped; what it was given does not count',
  async (executor) => {
    const limits = { ...found.defaultLimits, wallSeconds: 60, maxDiskBytes: 2_000_000 }
    const greedy = 'i=0; while :; do head -c 60000 /dev/zero > checkpoints/f$i; i=$((i+1)); sleep 0.01; done'
    const mounts = async (folder: string) => {
      await mkdir(join(folder, 'input'))
      await writeFile(join(folder, 'input', 'rows'), Buffer.alloc(5_000_000, 1))
      return [
        { path: join(folder, 'input'), at: 'input', writable: false },
        { path: await newFolder(), at: 'checkpoints', writable: true },
      ]
    }
    const filler = await request(greedy, { limits })
    filler.mounts = await mounts(filler.folder)
    const modest = await request('head -c 1000000 /dev/zero > out; sleep 1.6', { limits })
    modest.mounts = await mounts(modest.folder)
    const ahead = await request(`read line; ${greedy}`, { takesLines: true })
    ahead.mounts = await mounts(ahead.folder)
    const warm = executor.start(ahead)
    warm.begin({ limits })
    warm.send('.')
    const outcomes = await Promise.all([executor.run(filler), executor.run(modest), warm.done])
    assert.deepEqual(
      outcomes.map(({ limit }) => limit),
      ['disk', null, 'disk'],
    )
    assert.equal(outcomes[1].exitCode, 0)
  },
)

everyLevel('a process started ahead takes its job by a line, and its folder may be renamed meanwhile', async (executor) => {
  const job = await request('echo warm; read where; cd $where; echo done > out', { takesLines: true })
  const warm = executor.start(job)
  while (!job.lines.includes('warm')) await sleep(5)
  const { rename } = await import('node:fs/promises')
  const moved = `${job.folder}-moved`
  folders.push(moved)
  await rename(job.folder, moved)
  await sleep(300)
  warm.begin({})
  warm.send('.')
  const { exitCode, usage } = await warm.done
  assert.equal(exitCode, 0)
  assert.equal(await readFile(join(moved, 'out'), 'utf8'), 'done\n')
  assert.ok(usage.wallSeconds < 0.25, 'the time before it began is not the job’s')
})

everyLevel('checkpoints are kept elsewhere and inputs are given', async (executor) => {
  const kept = await newFolder()
  const job = await request('cat input/rows; echo step > checkpoints/step; echo x >> input/rows || echo refused')
  await mkdir(join(job.folder, 'input'))
  await writeFile(join(job.folder, 'input', 'rows'), 'rows\n', { mode: 0o444 })
  await writeFile(join(kept, 'blob'), 'rows\n', { mode: 0o444 })
  job.mounts = [
    { path: join(job.folder, 'input'), at: 'input', writable: false },
    { path: kept, at: 'checkpoints', writable: true },
  ]
  await executor.run(job)
  assert.ok(job.lines.includes('rows'))
  assert.equal(await readFile(join(kept, 'step'), 'utf8'), 'step\n')
})

test('sandbox full: nothing outside its folder is seen, written, reached or linked', { skip: needsFull }, async () => {
  const canary = join(await newFolder(), 'canary')
  await writeFile(canary, 'SECRET')
  const input = await newFolder()
  await link(canary, join(input, 'blob'))
  const job = await request(`
    cat ${canary} && echo escaped-read
    ls /root /home /work /var 2>/dev/null && echo escaped-list
    touch /usr/x /x /etc/x 2>/dev/null && echo escaped-write
    chmod u+w input/blob 2>/dev/null; echo CHANGED > input/blob 2>/dev/null && echo escaped-input
    ln input/blob hard 2>/dev/null && echo escaped-link
    unshare -Ur true 2>/dev/null && echo escaped-userns
    (echo > /dev/tcp/127.0.0.1/22) 2>/dev/null && echo escaped-network
    [ $(ls -d /proc/[0-9]* | wc -l) -gt 8 ] && echo escaped-processes
    kill -9 ${process.pid} 2>/dev/null && echo escaped-kill
    id -u
    cat /proc/net/dev | wc -l
  `)
  job.mounts = [{ path: input, at: 'input', writable: false }]
  await found.run(job)
  assert.deepEqual(
    job.lines.filter((line) => line.startsWith('escaped')),
    [],
  )
  assert.ok(job.lines.includes('65534'))
  assert.ok(job.lines.includes('3'), 'only the loopback device is there')
  assert.equal(await readFile(canary, 'utf8'), 'SECRET')
})

test('a process that floods its output does not hold the event loop', async () => {
  const stop = new AbortController()
  let lines = 0
  const job = await request('yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', {
    signal: stop.signal,
    graceSeconds: 0.1,
    onLine: () => lines++,
  })
  const done = found.run(job)
  let longest = 0
  for (let i = 0; i < 100; i++) {
    const before = performance.now()
    await sleep(10)
    longest = Math.max(longest, performance.now() - before - 10)
  }
  stop.abort()
  await done
  assert.ok(longest < 100, `the loop was held for ${longest} ms`)
  assert.ok(lines > 100 && lines < 400_000, `${lines} lines`)
})

for (const level of ['full', 'limits-only'] as const)
  test(`sandbox ${level}: kill -9 of the server leaves no process behind`, { skip: level === 'full' && needsFull }, async () => {
    const marker = `88${process.pid}.${level.length}`
    const script = `
      import { openLocalExecutor } from ${JSON.stringify(join(import.meta.dirname, 'local.ts'))}
      const executor = await openLocalExecutor({ python: 'python3', ${level === 'full' ? '' : "probe: { level: 'limits-only', reason: '' }"} })
      executor.run({ folder: ${JSON.stringify(await newFolder())}, argv: ['sh', '-c', 'setsid sleep ${marker} & sleep ${marker} & echo ready; sleep ${marker}'],
        env: {}, readOnly: [], limits: executor.defaultLimits, onLine: (line) => console.log(line) })`
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => server.stdout.once('data', resolve))
    for (let i = 0; i < 100 && running(`sleep ${marker}`).length < 3; i++) await sleep(20)
    server.kill('SIGKILL')
    await nothingRuns(`sleep ${marker}`)
  })

everyLevel('a job that goes on for more than a second leaves the processor to the server', async (executor) => {
  const own = () => readFileSync('/proc/self/autogroup', 'utf8')
  const before = existsSync('/proc/self/autogroup') ? own() : null
  const job = await request('sleep 1.3; cat /proc/self/stat; cat /proc/self/autogroup 2>/dev/null; true')
  const serving = await request('sleep 1.3; cat /proc/self/stat', { isServing: true })
  await Promise.all([executor.run(job), executor.run(serving)])
  assert.equal(serving.lines[0]!.slice(serving.lines[0]!.lastIndexOf(')') + 2).split(' ')[16], '0', 'of one that answers people')
  const fields = job.lines[0]!.slice(job.lines[0]!.lastIndexOf(')') + 2).split(' ')
  assert.equal(fields[16], '10', 'its priority')
  if (before === null) return
  assert.match(job.lines[1]!, /nice 10$/, 'that of its session')
  assert.equal(own(), before, 'the server keeps its own')
})

test('a program that is not there is a clear failure', async () => {
  const outcome = await found.run(await request('', { argv: ['/usr/bin/no-such-program'] }))
  assert.ok(outcome.exitCode !== 0)
})

test('an identity tells whether its process still lives', async () => {
  assert.equal(isIdentityAlive(ownIdentity()), true)
  const other = spawn('sleep', ['60'])
  const parts = ownIdentity().split('/')
  const { startTicks } = await import('./process-tree.ts')
  const identity = [...parts.slice(0, -2), other.pid, startTicks(other.pid!)].join('/')
  assert.equal(isIdentityAlive(identity), true)
  assert.equal(isIdentityAlive([...parts.slice(0, -2), other.pid, 1].join('/')), false, 'the same pid, another process')
  other.kill('SIGKILL')
  await new Promise((resolve) => other.once('exit', resolve))
  assert.equal(isIdentityAlive(identity), false)
  assert.equal(isIdentityAlive(`elsewhere/boot/1/${process.pid}/1`), null)
})

function running(command: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').join(' ').trim() === command
    } catch {
      return false
    }
  })
}

async function nothingRuns(command: string) {
  for (let i = 0; i < 100 && running(command).length > 0; i++) await sleep(20)
  assert.deepEqual(running(command), [], `"${command}" still runs`)
}

/** The real interpreter (PATH may hold a wrapper that needs a home folder) and what it needs to be seen. */
async function pythonFolders(): Promise<{ env: Record<string, string>; readOnly: string[] }> {
  const { execFileSync } = await import('node:child_process')
  const prefix = execFileSync('python3', ['-c', 'import sys; print(sys.base_prefix)'], { encoding: 'utf8' }).trim()
  return { env: { PATH: `${prefix}/bin:/usr/bin:/bin` }, readOnly: [prefix] }
}
