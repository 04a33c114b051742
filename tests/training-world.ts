import type * as z from 'zod'
import type { Job } from '../src/domains/jobs/schema.ts'
import type { TrainingInput } from '../src/domains/training/schema.ts'
import type { Config } from '../src/kernel/config.ts'
import type { World } from './platform-world.ts'
import { openWorld } from './platform-world.ts'

/** A served platform with a worker, and the few calls that tests of trained models share. */
export async function trainingWorld(overrides: Partial<Config> = {}) {
  const world = await openWorld('sqlite', overrides)
  await world.platform.startWorkers()

  /** The answer of a call that must succeed. */
  async function ask(method: string, path: string, body?: unknown): Promise<any> {
    const reply = await world.call(method, path, { body })
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text.slice(0, 2000)}`)
    return reply.json
  }

  async function ended(jobId: string): Promise<Job> {
    await world.platform.domains.jobs.ended(jobId)
    return ask('GET', `/v1/jobs/${jobId}`)
  }

  async function addTable(name: string, csv: string, target?: string): Promise<{ id: string }> {
    const bytes = Buffer.from(csv)
    const upload = await ask('POST', '/v1/uploads', { filename: `${name}.csv`, sizeBytes: bytes.length })
    await fetch(`${world.server.url}/v1/uploads/${upload.id}?offset=0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/octet-stream' },
      body: bytes,
    })
    const { dataset, job } = await ask('POST', '/v1/datasets', { name, source: { upload: upload.id }, target: target ?? null })
    const { state, failure } = await ended(job)
    if (state !== 'succeeded') throw new Error(`The import of ${name} ${state}: ${failure?.message}`)
    return dataset
  }

  /** Trains and waits; the job as it ended, with its run. */
  async function train(input: z.input<typeof TrainingInput>): Promise<Job & { run: string }> {
    const { job, run } = await ask('POST', '/v1/training-jobs', input)
    return { ...(await ended(job.id)), run }
  }

  return { ...world, ask, ended, addTable, train }
}

export type TrainingWorld = Awaited<ReturnType<typeof trainingWorld>> & Pick<World, 'call'>

/** A table whose last column can be learnt from the others: numbers with gaps, a category, a word that says nothing. */
export function customers(rows: number, seed = 1): string {
  let state = seed
  const random = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const lines = ['minutes,calls,plan,town,age,churn']
  for (let i = 0; i < rows; i++) {
    const minutes = Math.round(random() * 300)
    const calls = Math.floor(random() * 9)
    const plan = ['basic', 'plus', 'pro'][Math.floor(random() * 3)]!
    const town = ['Bern', 'Gent', 'Lund', 'Pisa'][Math.floor(random() * 4)]!
    const age = 18 + Math.floor(random() * 60)
    const risk = (minutes > 190 ? 1.8 : 0) + (calls > 5 ? 1.6 : 0) + (plan === 'basic' ? 0.8 : 0) - 2.2 + (random() - 0.5)
    const gap = random() < 0.05
    lines.push(`${gap ? '' : minutes},${calls},${plan},${town},${age},${risk > 0 ? 'yes' : 'no'}`)
  }
  return `${lines.join('\n')}\n`
}
