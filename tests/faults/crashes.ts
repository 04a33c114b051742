import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFilesystemBlobs } from '../../src/ports/blobs/filesystem.ts'
import { freshPostgresUrl } from '../../src/ports/metadata/testing.ts'
import { openFaultDatabase } from './database.ts'

interface Plan {
  kind: 'sqlite' | 'postgres'
  jobs: number
  kills: number
  seed: number
}

const recoveryGoalMs = 5000

/**
 * Jobs come in while processes are killed with -9 at random moments: the server, a worker, a job's own process. In the end every job
 * that was accepted is done, once; nothing that was started still runs; the database and every blob are sound.
 */
export async function surviveCrashes(plan: Plan): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-crash-'))
  const postgres = plan.kind === 'postgres' ? await freshPostgresUrl() : null
  if (typeof postgres === 'string') return `skipped: ${postgres}`
  const database = postgres?.url ?? join(folder, 'atoll.db')
  const random = randomFrom(plan.seed)
  // SQLite serves one process; PostgreSQL a web process and two workers.
  const roles = plan.kind === 'sqlite' ? ['web,worker'] : ['web', 'worker', 'worker']
  const servers: Server[] = []
  try {
    for (const role of roles) servers.push(await startServer(database, folder, role))
    const metadata = openFaultDatabase(database)
    const accepted: string[] = []
    const recoveries: number[] = []
    const killed = { server: 0, job: 0 }
    let killedAll = false
    const submitting = (async () => {
      for (let n = 0; n < plan.jobs || !killedAll; ) {
        const id = await servers[0]!.submit(n % 3 === 2 ? 'native' : 'engine').catch(() => null)
        // Not answered: it may be in the queue or not. Only what was confirmed must be there.
        if (id === null) await sleep(20)
        else accepted.push(id)
        if (id !== null) n++
        // Enough for the jobs to last as long as the kills do.
        await sleep((random() * 2 * plan.kills * 400) / plan.jobs)
      }
    })()
    const watching = deadWorkers(metadata, recoveries)
    while (killed.server + killed.job < plan.kills) {
      await sleep(100 + random() * 400)
      const victim = Math.floor(random() * (roles.length + 1))
      if (victim < roles.length) {
        killed.server++
        const { identity } = servers[victim]!
        await servers[victim]!.kill()
        const at = performance.now()
        if (identity) watching.add(identity, at)
        servers[victim] = await startServer(database, folder, roles[victim]!)
      } else {
        killed.job += await killOneOf(() => jobProcesses(folder), random)
      }
    }
    killedAll = true
    await submitting
    await allDone(metadata, servers)
    await watching.stop()
    const statement = await verdict(metadata, { folder, accepted })
    for (const server of servers) await server.kill()
    await nothingLeft(folder)
    // The next start finds nothing to do, and clears away what the killed ones left.
    servers.push(await startServer(database, folder, 'web,worker'))
    const folders = readdirSync(join(folder, 'jobs'))
    assert.deepEqual(
      folders.filter((name) => name.startsWith('job_') || name.startsWith('warm-')),
      [],
    )
    await servers.pop()!.kill()
    assert.deepEqual(await metadata.integrityCheck(), [])
    await metadata.close()
    const slowest = Math.max(0, ...recoveries)
    assert.ok(slowest < recoveryGoalMs * crowding(), `the slowest recovery took ${Math.round(slowest)} ms`)
    return `${statement}; ${killed.server} servers and ${killed.job} jobs killed; slowest recovery ${Math.round(slowest)} ms; seed ${plan.seed}`
  } finally {
    for (const server of servers) await server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Server {
  identity: string | null
  submit(kind: string): Promise<string>
  kill(): Promise<void>
}

async function startServer(database: string, folder: string, roles: string): Promise<Server> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'node.ts'), [database, folder, roles], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  child.setMaxListeners(0)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    exited.then(() => reject(new Error('the server ended before it was ready')))
  })
  return {
    identity: roles.includes('worker') ? `/${child.pid}/` : null,
    submit: (kind) =>
      new Promise((resolve, reject) => {
        if (!child.connected) return reject(new Error('it is gone'))
        const onMessage = (message: any) => resolve(message.accepted)
        child.once('message', onMessage)
        // Not the event, which may be over while the channel still seems open.
        exited.then(() => reject(new Error('killed before it answered')))
        child.send({ submit: kind }, (error) => error && reject(error))
      }),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Times how long the leases of killed workers stay. */
function deadWorkers(metadata: ReturnType<typeof openFaultDatabase>, recoveries: number[]) {
  const dead = new Map<string, number>()
  let stopped = false
  const looking = (async () => {
    while (!stopped || dead.size > 0) {
      if (dead.size > 0) {
        const rows = await metadata.db.selectFrom('jobs').select('worker').where('state', '=', 'running').execute()
        for (const [identity, at] of dead)
          if (!rows.some((row) => String(row.worker).includes(identity))) {
            recoveries.push(performance.now() - at)
            dead.delete(identity)
          }
      }
      await sleep(50)
    }
  })()
  return {
    add: (identity: string, at: number) => dead.set(identity, at),
    stop() {
      stopped = true
      return looking
    },
  }
}

async function allDone(metadata: ReturnType<typeof openFaultDatabase>, servers: Server[]) {
  for (let waited = 0; ; waited++) {
    const left = await metadata.db
      .selectFrom('jobs')
      .select(['id', 'state', 'worker'])
      .where('state', 'in', ['queued', 'running'])
      .execute()
    if (left.length === 0) return
    assert.ok(
      waited < 1200,
      `after two minutes ${left.length} jobs are not done: ${JSON.stringify(left.slice(0, 3))} (${servers.length} servers)`,
    )
    await sleep(100)
  }
}

async function verdict(
  metadata: ReturnType<typeof openFaultDatabase>,
  { folder, accepted }: { folder: string; accepted: string[] },
) {
  const rows = await metadata.db.selectFrom('jobs').select(['id', 'state', 'attempt', 'failure', 'event_seq']).execute()
  const states = new Map(rows.map((row) => [row.id as string, row]))
  const undone = accepted.filter((id) => states.get(id)?.state !== 'succeeded')
  const told = await metadata.db
    .selectFrom('job_events')
    .selectAll()
    .where('job_id', 'in', ['', ...undone])
    .orderBy('seq')
    .execute()
  assert.deepEqual(
    undone.map((id) => ({ job: states.get(id) ?? `${id} is lost`, events: told.filter((one) => one.job_id === id) })),
    [],
  )
  const results = await metadata.db.selectFrom('fault_results').selectAll().execute()
  const published = Map.groupBy(results, (row) => row.job_id as string)
  assert.deepEqual(
    [...published].filter(([, each]) => each.length > 1).map(([id]) => `${id} was published twice`),
    [],
  )
  assert.equal(published.size, rows.length)
  const blobs = await openFilesystemBlobs({ root: join(folder, 'blobs') })
  for (const row of results) {
    assert.equal(row.attempt, states.get(row.job_id)!.attempt, 'published by another attempt than the last')
    assert.ok(
      Buffer.from(await blobs.bytes(row.sha256))
        .toString()
        .startsWith(row.job_id),
      'the blob is the job’s own',
    )
  }
  const counted = await metadata.db
    .selectFrom('job_events')
    .select((eb) => ['job_id', eb.fn.countAll().as('n'), eb.fn.max('seq').as('last')])
    .groupBy('job_id')
    .execute()
  for (const row of counted) assert.equal(Number(row.n), Number(row.last), 'events are numbered without a gap')
  assert.deepEqual(readdirSync(join(folder, 'blobs', 'tmp')), [])
  const attempts = rows.reduce((total, row) => total + row.attempt, 0)
  return `${accepted.length} jobs accepted, ${rows.length} done, each published once, in ${attempts} attempts`
}

/** Every process whose environment names this test's folder: what its jobs started. */
function jobProcesses(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder)
      } catch {
        return false
      }
    })
    .map(Number)
}

async function nothingLeft(folder: string) {
  for (let i = 0; i < 100 && jobProcesses(folder).length > 0; i++) await sleep(20)
  assert.deepEqual(jobProcesses(folder), [], 'processes outlived the server that started them')
}

/** 1 when there was one to kill within a second. */
async function killOneOf(find: () => number[], random: () => number): Promise<number> {
  for (let waited = 0; waited < 100; waited++) {
    const pids = find()
    try {
      if (pids.length > 0) return Number(process.kill(pids[Math.floor(random() * pids.length)]!, 'SIGKILL'))
    } catch {
      // It ended meanwhile; another will come.
    }
    await sleep(10)
  }
  return 0
}

/** How many times longer everything takes because others use the machine too. */
const crowding = () => Math.max(1, loadavg()[0]! / availableParallelism() / 2)

/** The same seed, the same moments. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
