import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Subject, startSubject } from '../lib/processes.ts'
import { peerPython } from '../lib/python.ts'
import { enginePython } from '../lib/runtime.ts'

const here = join(import.meta.dirname, 'peers')

/** A server that answers texts, and how it is asked. */
export interface Asked {
  name: string
  url: string
  token: string | null
  /** A file with one body a line. */
  bodies: string
  subject: Subject
}

interface Place {
  python: string
  port: number
}

/** A server of models that people use, with one worker. */
export interface Peer {
  name: string
  /** The sizes of a batch that are tried; the best is compared. 1: no batching. */
  batches: readonly number[]
  python(): Promise<{ python: string; env: Record<string, string> }>
  argv(place: Place): string[]
  env?: Record<string, string>
  /** With batching it wants a list. */
  isListed?: true
}

const ofRequirements = (file: string) => async () => ({ python: peerPython(join(here, file)), env: {} })

export const litServe: Peer = {
  name: 'LitServe 0.2.19',
  batches: [1, 8, 32],
  python: ofRequirements('litserve.txt'),
  argv: ({ python }) => [python, join(here, 'litserve_app.py')],
}

export const bentoMl: Peer = {
  name: 'BentoML 1.4.39',
  batches: [1, 8, 32],
  python: ofRequirements('bentoml.txt'),
  argv: ({ python, port }) => [
    ...[python, '-m', 'bentoml', 'serve', 'bentoml_app:Texts', '--host', '127.0.0.1'],
    ...['--port', String(port), '--working-dir', here],
  ],
  env: { BENTOML_DO_NOT_TRACK: 'true' },
  isListed: true,
}

export const torchOnFastApi: Peer = {
  name: 'FastAPI 0.163.2 + torch 2.13, float32 (uvicorn, 1 worker, uvloop, httptools)',
  batches: [1],
  /** The engines' own torch and transformers, beside the web server of the peer. */
  async python() {
    const { python } = await enginePython('deep')
    const web = join(peerPython(join(here, '..', '..', 'serving', 'requirements.txt')), '..', '..', 'lib')
    const [version] = /python\d\.\d+/.exec(readFileSync(join(web, '..', 'pyvenv.cfg'), 'utf8')) ?? ['python3.11']
    return { python, env: { PYTHONPATH: [here, join(web, version, 'site-packages')].join(':') } }
  },
  argv: ({ python, port }) => [
    ...[python, '-m', 'uvicorn', 'fastapi_torch_app:app', '--port', String(port), '--workers', '1'],
    ...['--loop', 'uvloop', '--http', 'httptools', '--no-access-log'],
  ],
}

/** Starts a peer around the model `models`/`model` and asks texts whose answers are known before anything is timed. */
export async function startPeer(
  peer: Peer,
  { models, folder, model, batch, core }: { models: string; folder: string; model: string; batch: number; core: number },
): Promise<Asked> {
  const own = join(folder, `${peer.name.split(' ')[0]}-${model}-${batch}`)
  mkdirSync(own, { recursive: true })
  const { python, env } = await peer.python()
  const port = await freePort()
  const asList = peer.isListed === true && batch > 1
  const bodies = join(own, 'bodies.jsonl')
  const texts: string[] = JSON.parse(readFileSync(join(models, 'texts.json'), 'utf8'))
  writeFileSync(bodies, texts.map((text) => `${JSON.stringify({ row: asList ? [{ text }] : { text } })}\n`).join(''))
  const subject = await startSubject(['sh', '-c', `echo started; exec "$@"`, 'sh', ...peer.argv({ python, port })], {
    core,
    cwd: own,
    env: {
      PYTHONPATH: here,
      ...env,
      ...peer.env,
      PORT: String(port),
      BATCH: String(batch),
      MODEL_FOLDER: join(models, model),
      OMP_NUM_THREADS: '1',
      PATH: `${join(python, '..')}:${process.env.PATH}`,
    },
    // They say in many ways that they are ready, and some before they are.
    isReady: (line) => line === 'started',
  })
  const name = batch > 1 ? `${peer.name}, batches of ${batch}` : peer.name
  const asked: Asked = { name, url: `http://127.0.0.1:${port}/predict`, token: null, bodies, subject }
  try {
    await untilAnswers(asked)
    await verifyAnswers(asked, { models, model, texts: 30 })
    return asked
  } catch (error) {
    await subject.stop()
    throw error
  }
}

/** Answers must be those of the graph; labels those of what it says. Answers the labels' accuracy. */
export async function verifyAnswers(
  asked: Asked,
  { models, model, texts }: { models: string; model: string; texts: number },
): Promise<number> {
  const expected: number[] = JSON.parse(readFileSync(join(models, model, 'expected.json'), 'utf8'))
  const labels: number[] = JSON.parse(readFileSync(join(models, 'labels.json'), 'utf8'))
  const bodies = readFileSync(asked.bodies, 'utf8').trim().split('\n').slice(0, texts)
  let right = 0
  for (const [i, body] of bodies.entries()) {
    const told = (await (await post(asked, body)).json()) as any
    const { label, probabilities } = told.predictions?.[0] ?? told[0] ?? told
    if (!(Math.abs(probabilities.yes - expected[i]!) < 2e-4))
      throw new Error(`${asked.name} answers ${JSON.stringify(told)} to text ${i}; ${expected[i]} was expected.`)
    if ((label === 'yes') === (labels[i] === 1)) right++
  }
  return right / bodies.length
}

const post = ({ url, token }: Asked, body: string) => {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) })
}

async function untilAnswers(asked: Asked): Promise<void> {
  const [body] = readFileSync(asked.bodies, 'utf8').split('\n')
  const until = Date.now() + 120_000
  for (let said = ''; ; await sleep(200)) {
    const reply = await post(asked, body!).catch((error: Error) => {
      said = error.message
      return null
    })
    if (reply?.ok) return
    if (reply) said = `${reply.status} ${(await reply.text()).slice(0, 300)}`
    if (Date.now() > until) throw new Error(`${asked.name} does not answer: ${said}`)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
