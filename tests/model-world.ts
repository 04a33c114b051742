import { fileURLToPath } from 'node:url'
import { binarySignature } from '../src/domains/endpoints/testing.ts'
import { type PackageSource, storePackage } from '../src/domains/registry/package.ts'
import type { Signature } from '../src/domains/registry/schema.ts'
import type { Config } from '../src/kernel/config.ts'
import { newId } from '../src/kernel/ids.ts'
import { openWorld } from './platform-world.ts'

const fixtures = fileURLToPath(new URL('../src/ports/inference/fixtures/', import.meta.url))

/** A served platform with a worker, tables that come in by CSV, and models made of the graphs of the inference fixtures: nothing is trained. */
export async function modelWorld(overrides: Partial<Config> = {}, kind: 'sqlite' | 'postgres' = 'sqlite') {
  const world = await openWorld(kind, overrides)
  await world.platform.startWorkers()
  const { platform } = world
  const owner = (await world.call('GET', '/v1/session')).json.user.id as string
  const by = await platform.domains.auth.users.principal(owner)

  async function ask(method: string, path: string, body?: unknown, token?: string): Promise<any> {
    const reply = await world.call(method, path, { body, token })
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text.slice(0, 2000)}`)
    return reply.json
  }

  async function ended(jobId: string): Promise<any> {
    await platform.domains.jobs.ended(jobId)
    return ask('GET', `/v1/jobs/${jobId}`)
  }

  async function upload(filename: string, content: string | Uint8Array): Promise<string> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    const made = await ask('POST', '/v1/uploads', { filename, sizeBytes: bytes.length })
    await fetch(`${world.server.url}/v1/uploads/${made.id}?offset=0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${world.token}`, 'content-type': 'application/octet-stream' },
      body: bytes as Uint8Array<ArrayBuffer>,
    })
    return made.id
  }

  async function addTable(name: string, csv: string, target?: string): Promise<{ id: string }> {
    const source = { upload: await upload(`${name}.csv`, csv) }
    const { dataset, job } = await ask('POST', '/v1/datasets', { name, source, target: target ?? null })
    const { state, failure } = await ended(job)
    if (state !== 'succeeded') throw new Error(`The import of ${name} ${state}: ${failure?.message}`)
    return dataset
  }

  /** Registers a version whose graph is one of the fixtures; `binary` says yes by a + b and where the state is OH. */
  async function register(
    name: string,
    {
      graph = 'binary',
      signature = binarySignature,
      beside = [],
      trust = 'built',
    }: { graph?: string; signature?: Signature; beside?: string[]; trust?: 'built' | 'imported' } = {},
  ): Promise<string> {
    const { blobs, files, metadata } = platform
    const folder = graph.includes('/') ? graph.slice(0, graph.lastIndexOf('/') + 1) : ''
    const extra = beside.map((path): PackageSource => ({ path, root: fixtures, at: `${folder}${path}` }))
    const manifest = await storePackage(
      { blobs, files },
      {
        kind: 'onnx',
        trust,
        open: [
          { path: 'model.onnx', root: fixtures, at: `${graph}.onnx` },
          { path: 'signature.json', text: JSON.stringify(signature) },
          ...extra,
        ],
        sandboxOnly: [],
      },
    )
    const id = newId('mdv')
    const parity = { rows: 1000, heldOutRows: 1000, injectedRows: 0, flips: 0, maxDiff: 0, tolerance: 1e-4, passed: true }
    await metadata.transaction((tx) =>
      platform.domains.registry.register(
        tx,
        by,
        { name, projectId: world.project.id },
        {
          id,
          task: signature.task,
          target: signature.target ?? '',
          algorithm: 'by-hand',
          goal_id: null,
          dataset_id: '',
          dataset_version_id: '',
          split_id: '',
          run_id: '',
          job_id: '',
          manifest: JSON.stringify(manifest),
          signature: JSON.stringify(signature),
          validation: '{}',
          test: '{}',
          parity: JSON.stringify({ ...parity, served: 'onnx', reason: null, modelSha256: '', at: new Date().toISOString() }),
          predictions: null,
          training_spec: '{}',
          sealed_opened_at: null,
          created_by: by.userId ?? '',
        },
      ),
    )
    return id
  }

  return { ...world, by, ask, ended, upload, addTable, register }
}

export type ModelWorld = Awaited<ReturnType<typeof modelWorld>>
