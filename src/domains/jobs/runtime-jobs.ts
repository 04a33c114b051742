import { notFound, PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIsoOrNull } from '../../kernel/time.ts'
import type { RuntimeName, Runtimes } from '../../ports/engines/runtimes.ts'
import type { Executor } from '../../ports/executors/executor.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { JobQueue } from './handler.ts'
import type { RuntimeList } from './schema.ts'

/** The Python environments: which there are, and building one ahead of the first job that needs it. */
export function runtimeJobs(needs: {
  metadata: Metadata
  access: Access
  executor: Executor
  queue: JobQueue
  runtimes: Runtimes
  isWarm(lockHash: string): boolean
}) {
  const { metadata, access, executor, queue, runtimes } = needs

  queue.register({
    kind: 'runtime.build',
    async run({ spec, signal, progress }) {
      const report = (message: string, done: number, of: number) => progress('Python environment', done, of, message)
      const { name, lockHash } = await runtimes.ensure(spec.runtime as RuntimeName, report, signal)
      return { runtime: name, lockHash }
    },
  })

  async function list(by: Principal): Promise<RuntimeList> {
    await access.authorize(by, 'runtimes:read')
    return {
      items: (await runtimes.list()).map((runtime) => ({
        ...runtime,
        builtAt: toIsoOrNull(runtime.builtAt),
        warm: needs.isWarm(runtime.lockHash),
      })),
      executor: { name: executor.name, sandbox: executor.sandbox, reason: executor.sandboxReason },
    }
  }

  /** Enqueues the build; the id of its job. */
  async function build(by: Principal, name: string, projectRef?: string): Promise<string> {
    await access.authorize(by, 'runtimes:build')
    const known = await runtimes.list()
    if (!known.some((runtime) => runtime.name === name)) throw notFound('runtime', name)
    const project = await access.projectFor(by, projectRef)
    if (by.userId === null) throw new PlatformError('unauthenticated', 'Sign in first.')
    const id = await metadata.transaction(async (tx) => {
      const job = {
        kind: 'runtime.build',
        name: `Build the Python environment "${name}"`,
        projectId: project.id,
        spec: { runtime: name },
      }
      const jobId = await queue.enqueue(tx, by, job)
      await audit(tx, by, 'runtimes.build', { target: jobId, project: project.id, facts: { runtime: name } })
      return jobId
    })
    queue.wake()
    return id
  }

  return { list, build }
}
