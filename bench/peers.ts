import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Subject, startSubject } from './lib/processes.ts'
import { peerPython } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'
import { runWrk } from './lib/wrk.ts'
import { withContenders } from './serving.ts'

const here = join(import.meta.dirname, 'serving', 'peers')
const serverCore = 0
const clientCore = 1
const connections = 16
const usuallyWanted = 8

interface Place {
  python: string
  port: number
  /** Of its own, for what it writes. */
  folder: string
}

/** A server of models that people use, as its documentation would have one start it, with one worker and batching where it has that. */
interface Peer {
  name: string
  requirements: string
  /** Before it starts. */
  prepare?(place: Place, env: Record<string, string>): void
  argv(place: Place): string[]
  env?: Record<string, string>
  path: string
  body(row: Record<string, number>): unknown
  /** The probability of yes in a reply. */
  yesOf(reply: any): number
  /** How many times as fast ours must be. */
  wanted?: number
}

const peers: Peer[] = [
  {
    name: 'FastAPI 0.163.2 + ONNX Runtime 1.30 (uvicorn, uvloop, httptools)',
    requirements: '../requirements.txt',
    argv: ({ python, port }) => [
      ...[python, '-m', 'uvicorn', 'fastapi_app:app', '--app-dir', join(here, '..'), '--port', String(port)],
      ...['--workers', '1', '--loop', 'uvloop', '--http', 'httptools', '--no-access-log'],
    ],
    path: '/predict',
    body: (row) => ({ row }),
    yesOf: (reply) => reply.probabilities.yes,
    wanted: 4,
  },
  {
    name: 'LitServe 0.2.19 (batches of 64, 1 ms)',
    requirements: 'litserve.txt',
    argv: ({ python }) => [python, join(here, 'litserve_app.py')],
    path: '/predict',
    body: (row) => ({ row }),
    yesOf: (reply) => reply.probabilities.yes,
  },
  {
    name: 'BentoML 1.4.39 (adaptive batching)',
    requirements: 'bentoml.txt',
    argv: ({ python, port }) => [
      python,
      '-m',
      'bentoml',
      'serve',
      'bentoml_app:Churn',
      '--port',
      String(port),
      '--host',
      '127.0.0.1',
      '--working-dir',
      here,
    ],
    env: { BENTOML_DO_NOT_TRACK: 'true' },
    path: '/predict',
    body: (row) => ({ row: [row] }),
    yesOf: ([one]) => one.probabilities.yes,
  },
  {
    name: 'MLServer 1.7.1 (no parallel workers, batches of 64, 1 ms)',
    requirements: 'mlserver.txt',
    prepare({ port, folder }) {
      for (const file of ['mlserver_model.py', 'onnx_model.py']) cpSync(join(here, file), join(folder, file))
      const settings = { host: '127.0.0.1', http_port: port, grpc_port: port + 1, metrics_port: port + 2, parallel_workers: 0 }
      writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
      const model = { name: 'churn', implementation: 'mlserver_model.Churn', max_batch_size: 64, max_batch_time: 0.001 }
      writeFileSync(join(folder, 'model-settings.json'), JSON.stringify(model))
    },
    argv: ({ python, folder }) => [python, '-c', 'from mlserver.cli.main import main; main()', 'start', folder],
    path: '/v2/models/churn/infer',
    body: (row) => ({ inputs: [{ name: 'numbers', shape: [1, 30], datatype: 'FP64', data: Object.values(row) }] }),
    yesOf: (reply) => reply.outputs[0].data[1],
  },
  {
    name: 'MLflow 3.17.2 scoring server (1 worker)',
    requirements: 'mlflow.txt',
    prepare({ python, folder }, env) {
      execFileSync(python, [join(here, 'mlflow_model.py'), join(folder, 'model')], {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
    },
    argv: ({ python, port, folder }) => [
      python,
      '-m',
      'mlflow',
      'models',
      'serve',
      '-m',
      join(folder, 'model'),
      '--env-manager',
      'local',
      '--workers',
      '1',
      '--host',
      '127.0.0.1',
      '-p',
      String(port),
    ],
    env: { MLFLOW_DISABLE_TELEMETRY: 'true' },
    path: '/invocations',
    body: (row) => ({ dataframe_records: [row] }),
    yesOf: (reply) => reply.predictions[0].probabilities.yes,
  },
  {
    name: 'Ray Serve 2.60.0 (1 replica, batches of 64, 1 ms)',
    requirements: 'ray.txt',
    argv: ({ python }) => [python, join(here, 'ray_app.py')],
    env: { RAY_SERVE_THROUGHPUT_OPTIMIZED: '1', RAY_USAGE_STATS_ENABLED: '0', RAY_ENABLE_UV_RUN_RUNTIME_ENV: '0' },
    path: '/',
    body: (row) => ({ row }),
    yesOf: (reply) => reply.probabilities.yes,
  },
]

/** S1 against the servers that people use, each beside Atoll in turn: the same model, the same rows, one core for whoever serves. */
export function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  return withContenders(['atoll'], async ([atoll], model) => {
    const results: BenchResult[] = []
    for (const peer of quick ? peers.slice(0, 1) : peers) {
      const { subject, url, bodies } = await start(peer, model)
      try {
        const ours: number[] = []
        const theirs: number[] = []
        const load = (target: string, rows: string, seconds: number, token?: string | null) =>
          runWrk({
            url: target,
            script: join(here, '..', 'wrk.lua'),
            scriptArgs: [rows, ...(token ? [token] : [])],
            connections,
            seconds,
            core: clientCore,
          })
        await load(url, bodies, 2)
        for (let round = 0; round < rounds; round++) {
          await quietMoment(5)
          const mine = await load(atoll!.url, join(model, 'rows.jsonl'), 4, atoll!.token)
          const their = await load(url, bodies, 4)
          if (their.errors > 0) throw new Error(`${peer.name}: ${their.errors} requests failed.`)
          ours.push(mine.requestsPerSecond)
          theirs.push(their.requestsPerSecond)
          console.error(
            `round ${round + 1} ${peer.name}: ${their.requestsPerSecond.toFixed(0)}/s, p99 ${their.p99Ms} ms; Atoll ${mine.requestsPerSecond.toFixed(0)}/s`,
          )
        }
        results.push(
          judged({
            id: 'S1',
            suite: 'peers',
            what: `One row of 30 numbers, boosted trees 200 x depth 6, ${connections} connections, against ${peer.name.split(' ')[0]}`,
            ours: { value: median(ours), unit: 'requests/s' },
            against: { name: peer.name, value: median(theirs) },
            ratio: pairedRatio(ours, theirs),
            goal: { compare: '>=', value: peer.wanted ?? usuallyWanted, of: 'ratio' },
            note: `server on one core, wrk on another, ${rounds} interleaved rounds of 4 s; ours with authentication, checks, capture and metrics`,
          }),
        )
      } finally {
        await subject.stop()
      }
    }
    return results
  })
}

/** Starts a peer and asks it rows whose answers are known before anything is timed. */
async function start(peer: Peer, model: string): Promise<{ subject: Subject; url: string; bodies: string }> {
  const folder = join(model, peer.name.split(' ')[0]!)
  mkdirSync(folder, { recursive: true })
  const place = { python: peerPython(join(here, peer.requirements)), port: await freePort(), folder }
  const env = {
    ...peer.env,
    MODEL_FOLDER: model,
    PORT: String(place.port),
    PYTHONPATH: here,
    PATH: `${join(place.python, '..')}:${process.env.PATH}`,
  }
  peer.prepare?.(place, env)
  const rows = readFileSync(join(model, 'rows.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { row: Record<string, number> }).row)
  const bodies = join(folder, 'bodies.jsonl')
  writeFileSync(bodies, rows.map((row) => `${JSON.stringify(peer.body(row))}\n`).join(''))
  const url = `http://127.0.0.1:${place.port}${peer.path}`
  // They say in many ways that they are ready, and some before they are.
  const subject = await startSubject(['sh', '-c', `echo started; exec "$@"`, 'sh', ...peer.argv(place)], {
    core: serverCore,
    cwd: folder,
    env,
    isReady: (line) => line === 'started',
  })
  const expected: number[] = JSON.parse(readFileSync(join(model, 'expected.json'), 'utf8'))
  try {
    await untilAnswers(url, JSON.stringify(peer.body(rows[0]!)))
    for (let i = 0; i < 50; i++) {
      const answer = peer.yesOf(await (await post(url, JSON.stringify(peer.body(rows[i]!)))).json())
      if (!(Math.abs(answer - expected[i]!) < 1e-6))
        throw new Error(`${peer.name} answers ${answer} to row ${i}; ${expected[i]} was expected.`)
    }
    return { subject, url, bodies }
  } catch (error) {
    await subject.stop()
    throw error
  }
}

const post = (url: string, body: string) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(10_000) })

async function untilAnswers(url: string, body: string): Promise<void> {
  const until = Date.now() + 120_000
  for (let said = ''; ; ) {
    const reply = await post(url, body).catch((error: Error) => {
      said = error.message
      return null
    })
    if (reply?.ok) return
    if (reply) said = `${reply.status} ${(await reply.text()).slice(0, 300)}`
    if (Date.now() > until) throw new Error(`${url} does not answer: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
