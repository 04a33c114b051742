import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Principal } from '../../kernel/principal.ts'
import { scriptRuntimes } from '../../ports/engines/testing.ts'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import { localFiles } from '../../ports/files/local.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import type { EngineRun, JobContext, JobHandler } from './handler.ts'
import type { JobsService } from './service.ts'
import { jobTables } from './tables.ts'
import { jobsTestMigrations, jobsWorld } from './testing.ts'

/** How many times longer everything takes because others use the machine too. */
const crowding = () => Math.max(1, loadavg()[0]! / availableParallelism())

const executor = await openLocalExecutor({ python: 'python3' })
const folder = await mkdtemp(join(tmpdir(), 'atoll-jobs-'))
after(async () => {
  await executor.close()
  await rm(folder, { recursive: true, force: true })
})

const runtimes = scriptRuntimes(
  folder,
  `
what = job["parameters"].get("do")
if what == "refuse":
    fail(2, "The column \\"age\\" holds text in row 7.", column="age", row=7)
if what == "break":
    print("about to break", file=sys.stderr)
    sys.exit(1)
if what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "flood":
    for i in range(60_000):
        emit("log", level="info", message="line %d" % i)
if what == "garbage":
    events.write("not json\\n[]\\n{\\"type\\": \\"nonsense\\"}\\n{\\"type\\": \\"state\\", \\"state\\": \\"succeeded\\"}\\n")
    events.flush()
if what == "count":
    n = int(open("checkpoints/n").read()) if os.path.exists("checkpoints/n") else 0
    emit("log", level="info", message="starts at %d" % n)
    def stop(*_):
        sys.exit(143)
    signal.signal(signal.SIGTERM, stop)
    while n < job["parameters"]["to"]:
        time.sleep(0.02)
        n += 1
        open("checkpoints/n.part", "w").write(str(n)); os.replace("checkpoints/n.part", "checkpoints/n")
        emit("progress", stage="count", done=n, of=job["parameters"]["to"], etaSeconds=None, message="")
if what == "fill":
    for n in range(2000):
        open("output/data/%d" % n, "wb").write(b"x" * 60_000)
        time.sleep(0.01)
if what == "wait":
    time.sleep(60)
open("model/answer", "w").write(open("input/data/train/rows").read() if os.path.exists("input/data/train/rows") else "none")
emit("metric", name="f1", value=0.9, step=1)
emit("result", value={"startedAt": STARTED, "sees": os.path.exists("/etc/passwd")})
`,
)

interface World {
  metadata: Metadata
  jobs: JobsService
  admin: Principal
  project: { id: string }
  events: Awaited<ReturnType<typeof jobsWorld>>['events']
  person: Awaited<ReturnType<typeof jobsWorld>>['person']
  errors: unknown[]
  root: string
  submit(kind: string, spec?: Record<string, unknown>): Promise<string>
  run(kind: string, spec?: Record<string, unknown>): Promise<Awaited<ReturnType<JobsService['get']>>>
}

function onJobs(name: string, handlers: JobHandler[], work: (world: World) => Promise<void>) {
  onEachDatabase(name, jobsTestMigrations, async (metadata) => {
    const root = await mkdtemp(join(folder, 'world-'))
    const world = await jobsWorld(metadata, { executor, runtimes, files: localFiles(), folder: root })
    for (const handler of handlers) world.jobs.queue.register(handler)
    const submit: World['submit'] = async (kind, spec = {}) => {
      const id = await metadata.transaction((tx) =>
        world.jobs.queue.enqueue(tx, world.admin, { kind, name: `a ${kind}`, projectId: world.project.id, spec }),
      )
      world.jobs.queue.wake()
      return id
    }
    const run: World['run'] = async (kind, spec) => {
      const id = await submit(kind, spec)
      await world.jobs.ended(id, AbortSignal.timeout(20_000))
      return world.jobs.get(world.admin, id)
    }
    try {
      await work({ ...world, metadata, root: join(root, 'jobs'), submit, run })
      assert.deepEqual(world.errors, [])
    } finally {
      await world.jobs.startWorker({ slots: 0 }).close({ graceMs: 2000 })
    }
  })
}

const engine = (change: Partial<EngineRun> = {}): JobHandler => ({
  kind: 'engine',
  run: (context: JobContext) =>
    context.runEngine({
      name: 'fit',
      engine: 'test',
      runtime: 'tabular',
      parameters: context.spec,
      seed: 1,
      async prepare(data) {
        await mkdir(join(data, 'train'))
        await writeFile(join(data, 'train', 'rows'), 'these rows')
      },
      ...change,
    }),
  publish: async (_tx, _context, outcome) => ({ result: outcome.result }),
})

const messages = async ({ jobs, admin }: World, id: string) =>
  (await jobs.log(admin, id, { after: 0, limit: 1000 })).items.map((event) =>
    String(event.data.message ?? event.data.state ?? event.type),
  )

onJobs(
  'a job runs once, publishes in one transaction, and its folder is gone',
  [
    {
      kind: 'simple',
      async run({ folder: own, progress, spec }) {
        progress('work', 1, 2)
        return { where: own, doubled: spec.n * 2 }
      },
      publish: async (_tx, _context, { doubled }) => ({ doubled }),
    },
  ],
  async ({ jobs, run, root, admin }) => {
    jobs.startWorker({ slots: 2 })
    const job = await run('simple', { n: 21 })
    assert.equal(job.state, 'succeeded')
    assert.deepEqual(job.result, { doubled: 42 })
    assert.equal(job.attempt, 1)
    assert.equal(job.progress?.stage, 'work')
    assert.ok(job.cost!.wallSeconds > 0 && job.cost!.peakMemoryBytes > 0)
    for (let i = 0; i < 100 && readdirSync(root).some((name) => name.startsWith('job_')); i++) await sleep(20)
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('job_')),
      [],
    )
    assert.deepEqual(
      (await jobs.list(admin, { limit: 10 })).items.map((each) => each.id),
      [job.id],
    )
  },
)

onJobs(
  'an enqueued job exists exactly when its transaction commits',
  [{ kind: 'simple', run: async () => ({}) }],
  async (world) => {
    await assert.rejects(
      world.metadata.transaction(async (tx) => {
        await world.jobs.queue.enqueue(tx, world.admin, { kind: 'simple', name: 'x', projectId: world.project.id, spec: {} })
        throw new Error('no')
      }),
    )
    assert.deepEqual((await world.jobs.list(world.admin, { limit: 10 })).items, [])
  },
)

onJobs('an engine runs in the sandbox: inputs in, events and result out', [engine()], async (world) => {
  world.jobs.startWorker({ slots: 1 })
  const job = await world.run('engine')
  assert.equal(job.failure, null)
  assert.equal(job.state, 'succeeded')
  assert.equal((job.result as any).result.sees, executor.sandbox !== 'full')
  assert.equal(job.sandbox, executor.sandbox)
  const events = (await world.jobs.log(world.admin, job.id, { after: 0, limit: 100 })).items
  assert.deepEqual(
    events.map((event) => event.type),
    ['state', 'state', 'metric', 'result', 'state'],
  )
  assert.deepEqual(
    events.map((event) => event.seq),
    [1, 2, 3, 4, 5],
  )
})

onJobs(
  'bad input fails the job with the engine’s own sentence and facts; a fault with its last lines',
  [engine()],
  async (world) => {
    world.jobs.startWorker({ slots: 1 })
    const refused = await world.run('engine', { do: 'refuse' })
    assert.equal(refused.state, 'failed')
    assert.deepEqual(refused.failure, {
      code: 'invalid_input',
      message: 'The column "age" holds text in row 7.',
      facts: { column: 'age', row: 7 },
    })
    const broken = await world.run('engine', { do: 'break' })
    assert.equal(broken.failure?.code, 'internal')
    assert.deepEqual(broken.failure?.facts.lastLines, ['about to break'])
  },
)

onJobs('a job whose process is killed is tried again, and given up after three deaths', [engine()], async (world) => {
  world.jobs.startWorker({ slots: 1 })
  const job = await world.run('engine', { do: 'die' })
  assert.equal(job.state, 'failed')
  assert.equal(job.attempt, 3)
  assert.match(job.failure!.message, /was killed \(SIGKILL\).*3 times, so it is not tried again/)
})

onJobs(
  'a job that writes more than its limit of disk is ended with a sentence, not tried again, and its output is gone',
  [engine({ limits: { maxDiskBytes: 2 ** 20 } })],
  async (world) => {
    world.jobs.startWorker({ slots: 1 })
    const job = await world.run('engine', { do: 'fill' })
    assert.deepEqual([job.state, job.attempt, job.failure?.code], ['failed', 1, 'too_large'])
    assert.match(job.failure!.message, /wrote more than its 1 MB of files and was stopped \(disk limit\)/)
    // Tidied after the failure is told; only what a retry could go on from may stay.
    const left = async () => (await readdir(join(world.root, job.id)).catch(() => [])).filter((name) => name !== 'checkpoints')
    for (let n = 0; n < 200 && (await left()).length > 0; n++) await sleep(10)
    assert.deepEqual(await left(), [])
  },
)

onJobs('what an engine writes cannot forge states, and a flood is cut with a note', [engine()], async (world) => {
  world.jobs.startWorker({ slots: 1 })
  const forged = await world.run('engine', { do: 'garbage' })
  assert.equal(forged.state, 'succeeded')
  const states = (await world.jobs.log(world.admin, forged.id, { after: 0, limit: 1000, type: 'state' })).items
  assert.deepEqual(
    states.map((event) => event.data.state),
    ['queued', 'running', 'succeeded'],
  )
  const lag = monitorEventLoopDelay({ resolution: 5 })
  lag.enable()
  const flooded = await world.run('engine', { do: 'flood' })
  lag.disable()
  assert.ok(lag.max / 1e6 < 100 * crowding(), `the event loop was held for ${lag.max / 1e6} ms`)
  assert.equal(flooded.state, 'succeeded')
  const last = await jobTables(world.metadata.db).selectFrom('job_events').selectAll().where('job_id', '=', flooded.id).execute()
  assert.ok(last.length < 20_100, String(last.length))
  assert.ok(last.some((row) => row.data.includes('further lines are not kept')))
  assert.ok(last.some((row) => /\d+ lines were not kept/.test(row.data)))
})

onJobs(
  'a queued job is cancelled at once, a running one stops, and its domain hears of it',
  [
    {
      ...engine(),
      async unpublish(tx, { jobId, failure }) {
        await jobTables(tx).updateTable('jobs').set({ description: failure.code }).where('id', '=', jobId).execute()
      },
    },
  ],
  async (world) => {
    const { jobs, admin } = world
    const queued = await world.submit('engine')
    const person = await world.person('Grace', 'viewer')
    await assert.rejects(jobs.cancel(person, queued), { code: 'forbidden' })
    assert.equal((await jobs.cancel(admin, queued)).state, 'cancelled')
    await assert.rejects(jobs.cancel(admin, queued), { code: 'precondition_failed' })
    jobs.startWorker({ slots: 1 })
    const running = await world.submit('engine', { do: 'wait' })
    while ((await jobs.get(admin, running)).state !== 'running') await sleep(10)
    await sleep(100)
    assert.equal((await jobs.cancel(admin, running)).cancelRequested, true)
    const row = await jobs.ended(running, AbortSignal.timeout(10_000))
    assert.equal(row.state, 'cancelled')
    assert.equal(row.description, 'cancelled')
  },
)

onJobs('a cancelled job can be tried again', [engine()], async (world) => {
  const { jobs, admin } = world
  const id = await world.submit('engine')
  await jobs.cancel(admin, id)
  assert.equal((await jobs.retry(admin, id)).state, 'queued')
  jobs.startWorker({ slots: 1 })
  assert.equal((await jobs.ended(id)).state, 'succeeded')
  await assert.rejects(jobs.retry(admin, id), { code: 'precondition_failed' })
})

onJobs('stopping the server lets a job write its checkpoint, and the next start goes on from it', [engine()], async (world) => {
  const { jobs, admin } = world
  const worker = jobs.startWorker({ slots: 1 })
  const id = await world.submit('engine', { do: 'count', to: 60 })
  while (((await jobs.get(admin, id)).progress?.done ?? 0) < 5) await sleep(20)
  await worker.close()
  const between = await jobs.get(admin, id)
  assert.equal(between.state, 'queued')
  jobs.startWorker({ slots: 1 })
  const done = await jobs.ended(id, AbortSignal.timeout(20_000))
  assert.equal(done.state, 'succeeded')
  assert.equal(done.attempt, 2)
  assert.equal(done.crashes, 0, 'a restart is no crash')
  const starts = (await messages(world, id)).filter((message) => message.startsWith('starts at'))
  assert.equal(starts.length, 2)
  assert.ok(Number(starts[1]!.split(' ').at(-1)) >= 5)
})

onJobs(
  'a late attempt changes nothing',
  [
    {
      kind: 'slow',
      async run({ spec, attempt, signal }) {
        // The first attempt does not notice that it has lost its lease.
        if (attempt === 1) await sleep(spec.ms)
        else signal.throwIfAborted()
        return { attempt }
      },
      publish: async (tx, { jobId }, { attempt }) => {
        await jobTables(tx)
          .updateTable('jobs')
          .set({ description: sql<string>`description || ${`published by ${attempt};`}` })
          .where('id', '=', jobId)
          .execute()
        return { attempt }
      },
    },
  ],
  async (world) => {
    const { jobs, admin, metadata } = world
    jobs.startWorker({ slots: 2 })
    const id = await world.submit('slow', { ms: 1500 })
    while ((await jobs.get(admin, id)).state !== 'running') await sleep(10)
    // As if the lease had run out and another worker's recovery had seen it.
    await jobTables(metadata.db)
      .updateTable('jobs')
      .set({ state: 'queued', worker: null, lease_until: null })
      .where('id', '=', id)
      .execute()
    jobs.queue.wake()
    const row = await jobs.ended(id, AbortSignal.timeout(10_000))
    await sleep(1700)
    const now = await jobTables(metadata.db).selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    assert.equal(row.state, 'succeeded')
    assert.equal(now.description, 'published by 2;')
    assert.deepEqual(JSON.parse(now.result!), { attempt: 2 })
  },
)

onJobs(
  'jobs of a worker that is gone are taken up at once; one that always takes its worker along is given up',
  [{ kind: 'simple', run: async () => ({ ok: true }) }],
  async (world) => {
    const { jobs, metadata } = world
    const dead = async (id: string, crashes: number) => {
      const { ownIdentity } = await import('../../ports/executors/process-identity.ts')
      const parts = ownIdentity().split('/')
      const worker = [...parts.slice(0, -2), '4194300', '1'].join('/')
      await jobTables(metadata.db)
        .updateTable('jobs')
        .set({ state: 'running', attempt: 1 + crashes, crashes, worker, lease_until: Date.now() + 3_600_000 })
        .where('id', '=', id)
        .execute()
    }
    const first = await world.submit('simple')
    const second = await world.submit('simple')
    await dead(first, 0)
    await dead(second, 2)
    const started = Date.now()
    jobs.startWorker({ slots: 1 })
    assert.equal((await jobs.ended(first)).state, 'succeeded')
    assert.ok(Date.now() - started < 5000)
    const given = await jobs.ended(second)
    assert.equal(given.state, 'failed')
    assert.match(given.failure!, /died 3 times/)
  },
)

onJobs(
  'a failing publish leaves nothing of itself and fails the job in plain words',
  [
    {
      kind: 'conflicting',
      run: async () => ({}),
      async publish(tx, { jobId }) {
        await jobTables(tx).updateTable('jobs').set({ description: 'half' }).where('id', '=', jobId).execute()
        const { conflict } = await import('../../kernel/errors.ts')
        throw conflict('That name is taken.')
      },
    },
  ],
  async (world) => {
    world.jobs.startWorker({ slots: 1 })
    const id = await world.submit('conflicting')
    const row = await world.jobs.ended(id)
    assert.equal(row.state, 'failed')
    assert.equal(row.description, '')
    assert.equal(JSON.parse(row.failure!).code, 'conflict')
  },
)

onJobs('events are followed live, and a reader that comes back goes on where it was', [engine()], async (world) => {
  const { jobs, admin } = world
  jobs.startWorker({ slots: 1 })
  const id = await world.submit('engine', { do: 'count', to: 25 })
  const seen: number[] = []
  const late = AbortSignal.timeout(60_000)
  const read = async (after: number, enough: number) => {
    const stop = new AbortController()
    for await (const event of await jobs.follow(admin, id, after, AbortSignal.any([stop.signal, late]))) {
      seen.push(Number(event.id))
      if (seen.length >= enough) break
    }
    stop.abort()
  }
  await read(0, 4)
  await read(seen.at(-1)!, Number.POSITIVE_INFINITY)
  const end = await jobs.get(admin, id)
  assert.equal(late.aborted, false, `after a minute ${seen.length} events were seen, and the job is ${JSON.stringify(end)}`)
  assert.deepEqual(
    seen,
    Array.from({ length: seen.length }, (_, i) => i + 1),
  )
  const all = (await jobs.log(admin, id, { after: 0, limit: 1000 })).items
  assert.equal(seen.length, all.length)
  assert.equal(all.at(-1)!.data.state, 'succeeded')
  const progress = all.filter((event) => event.type === 'progress')
  assert.ok(
    progress.some((event) => typeof event.data.etaSeconds === 'number'),
    'the time left is worked out',
  )
})

onJobs('somebody of another project sees none of it', [engine()], async (world) => {
  const id = await world.submit('engine')
  const stranger = await world.person('Mallory', null)
  await assert.rejects(world.jobs.get(stranger, id), { code: 'not_found' })
  await assert.rejects(world.jobs.log(stranger, id, { after: 0, limit: 10 }), { code: 'not_found' })
  await assert.rejects(world.jobs.follow(stranger, id, 0, AbortSignal.timeout(1000)), { code: 'not_found' })
  assert.deepEqual((await world.jobs.list(stranger, { limit: 10 })).items, [])
})

onJobs(
  'a long batch job does not keep waiting what somebody looks at',
  [
    { kind: 'long', run: ({ signal }) => sleep(30_000, {}, { signal }) },
    { kind: 'preview', lane: 'interactive', run: async () => ({ ok: true }) },
  ],
  async (world) => {
    world.jobs.startWorker({ slots: 1 })
    await world.submit('long')
    const waiting = await world.submit('long')
    const preview = await world.run('preview')
    assert.equal(preview.state, 'succeeded')
    assert.equal((await world.jobs.get(world.admin, waiting)).state, 'queued')
  },
)

test('a warm engine takes the next job, once, and keeps nothing of the one before', {
  skip: executor.sandbox !== 'full' && executor.sandboxReason,
}, async () => {
  const { openSqlite } = await import('../../ports/metadata/sqlite.ts')
  const metadata = openSqlite({ file: ':memory:' })
  await metadata.migrate(jobsTestMigrations)
  const root = await mkdtemp(join(folder, 'warm-'))
  const { jobs, admin, project } = await jobsWorld(metadata, { executor, runtimes, files: localFiles(), folder: root })
  const kept: string[] = []
  jobs.queue.register({
    ...engine(),
    async publish(_tx, context, outcome) {
      kept.push(await readFile(join(outcome.folder, 'model', 'answer'), 'utf8'))
      kept.push(readdirSync(join(context.checkpointFolder, 'fit')).join())
      return { result: outcome.result }
    },
  })
  const worker = jobs.startWorker({ slots: 1 })
  const submit = async () => {
    const sent = Date.now()
    const id = await metadata.transaction((tx) =>
      jobs.queue.enqueue(tx, admin, { kind: 'engine', name: 'x', projectId: project.id, spec: {} }),
    )
    jobs.queue.wake()
    const row = await jobs.ended(id)
    assert.equal(row.state, 'succeeded', row.failure ?? '')
    return JSON.parse(row.result!).result.startedAt * 1000 - sent
  }
  await submit()
  await sleep(400)
  const times: number[] = []
  for (let i = 0; i < 3; i++) {
    times.push(await submit())
    await sleep(400)
  }
  assert.ok(
    kept.every((text, i) => text === (i % 2 ? '' : 'these rows')),
    kept.join('|'),
  )
  assert.ok(Math.min(...times) < 100, `warm starts took ${times} ms`)
  await worker.close()
  assert.deepEqual(readdirSync(join(root, 'jobs')), [])
  await metadata.close()
})

onEachDatabase(
  'where jobs cannot be confined, engines run for platform administrators alone',
  jobsTestMigrations,
  async (metadata) => {
    const reason = 'Jobs run unconfined in this test.'
    const unconfined = await openLocalExecutor({ python: 'python3', probe: { level: 'off', reason } })
    const root = await mkdtemp(join(folder, 'off-'))
    const world = await jobsWorld(metadata, { executor: unconfined, runtimes, files: localFiles(), folder: root })
    world.jobs.queue.register(engine())
    const worker = world.jobs.startWorker({ slots: 1 })
    try {
      const projectAdmin = await world.person('Eve', 'admin')
      for (const [by, state] of [
        [projectAdmin, 'failed'],
        [world.admin, 'succeeded'],
      ] as const) {
        const id = await metadata.transaction((tx) =>
          world.jobs.queue.enqueue(tx, by, { kind: 'engine', name: 'x', projectId: world.project.id, spec: {} }),
        )
        world.jobs.queue.wake()
        await world.jobs.ended(id, AbortSignal.timeout(20_000))
        const job = await world.jobs.get(world.admin, id)
        assert.equal(job.state, state, JSON.stringify(job.failure))
        if (state === 'failed')
          assert.deepEqual(job.failure, {
            code: 'forbidden',
            message: `Only a platform administrator may run engines here. ${reason}`,
            facts: { sandbox: 'off' },
          })
      }
      assert.deepEqual(world.errors, [])
    } finally {
      await worker.close({ graceMs: 2000 })
      await unconfined.close()
    }
  },
)
