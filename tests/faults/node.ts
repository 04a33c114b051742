/** One server process of the fault tests: the real queue, worker, executor and blobs, with two kinds of jobs. Killed at any moment. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { authService } from '../../src/domains/auth/service.ts'
import type { JobHandler } from '../../src/domains/jobs/handler.ts'
import { jobsService } from '../../src/domains/jobs/service.ts'
import { jobsTestMigrations } from '../../src/domains/jobs/testing.ts'
import { createEvents } from '../../src/kernel/events.ts'
import { openFilesystemBlobs } from '../../src/ports/blobs/filesystem.ts'
import { scriptRuntimes } from '../../src/ports/engines/testing.ts'
import { openLocalExecutor } from '../../src/ports/executors/local.ts'
import { localFiles } from '../../src/ports/files/local.ts'
import { openSmtp } from '../../src/ports/mail/smtp.ts'
import { testSecrets } from '../../src/ports/secrets/testing.ts'
import { faultMigrations, openFaultDatabase } from './database.ts'

const [database, folder, roles] = process.argv.slice(2) as [string, string, string]
const log = (error: unknown) => console.error(error)
const executor = await openLocalExecutor({ python: 'python3' })
const metadata = openFaultDatabase(database)
const blobs = await openFilesystemBlobs({ root: join(folder, 'blobs') })
const files = localFiles()
await metadata.migrate([...jobsTestMigrations, ...faultMigrations])
const events = createEvents(log)
const auth = authService({ metadata, events, secrets: testSecrets(metadata), mail: openSmtp() })
const { userId } = await auth.firstStart.ensure('Ada')
const admin = await auth.users.principal(userId)
const project = await auth.access.projectFor(admin)
const runtimes = scriptRuntimes(
  folder,
  `
n = int(open("checkpoints/n").read()) if os.path.exists("checkpoints/n") else 0
while n < job["parameters"]["steps"]:
    time.sleep(0.015)
    n += 1
    open("checkpoints/n.part", "w").write(str(n))
    os.replace("checkpoints/n.part", "checkpoints/n")
    emit("progress", stage="count", done=n, of=job["parameters"]["steps"], etaSeconds=None, message="")
open("output/data/result", "w").write("%s %d" % (job["id"], n))
emit("result", value={"n": n})
`,
)
const jobs = jobsService({ metadata, events, auth, executor, runtimes, files, folder: join(folder, 'jobs'), onError: log })

/** Not unique by job: a job that is published twice has two rows. */
const publish: JobHandler['publish'] = async (tx, { jobId, attempt }, { sha256 }) => {
  await tx
    .insertInto('fault_results')
    .values({ id: randomBytes(9).toString('hex'), job_id: jobId, attempt, sha256 })
    .execute()
}
jobs.queue.register({
  kind: 'engine',
  maxAttempts: 1000,
  async run(context) {
    const { folder: stage } = await context.runEngine({
      name: 'count',
      engine: 'count',
      runtime: 'tabular',
      parameters: { steps: 6 },
      seed: 1,
      prepare: async () => {},
    })
    return blobs.putFile(files.resolvePath(stage, 'output/data/result'))
  },
  publish,
})
jobs.queue.register({
  kind: 'native',
  maxAttempts: 1000,
  async run({ jobId }) {
    const stored = await blobs.put(`${jobId} ${randomBytes(16).toString('hex')}`)
    await sleep(20)
    return stored
  },
  publish,
})

if (roles.includes('worker')) await jobs.startWorker({ slots: 3 }).ready
process.on('message', async ({ submit }: { submit: string }) => {
  const id = await metadata.transaction((tx) =>
    jobs.queue.enqueue(tx, admin, { kind: submit, name: submit, projectId: project.id, spec: {} }),
  )
  jobs.queue.wake()
  process.send!({ accepted: id })
})
process.send!({ ready: true })
