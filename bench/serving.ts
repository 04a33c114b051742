import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runOpenLoop } from './lib/open-loop.ts'
import { type Subject, startSubject } from './lib/processes.ts'
import { peerPython } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { enginePython } from './lib/runtime.ts'
import { median, pairedRatio } from './lib/stats.ts'
import { runWrk, type WrkResult } from './lib/wrk.ts'

const here = join(import.meta.dirname, 'serving')
const serverCore = 0
const clientCore = 1
const noOpName = 'a server that reads the body and answers a constant'
const peerName = 'FastAPI 0.163.2 + ONNX Runtime 1.30 (uvicorn, 1 worker, uvloop, httptools)'

export interface Contender {
  name: 'atoll' | 'no-op' | 'fastapi'
  url: string
  token: string | null
  subject: Subject
}

/** S1: one row of JSON through a boosted model of 200 trees, with authentication, checks, capture and metrics on. */
export function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  return withContenders(quick ? ['atoll', 'no-op'] : ['atoll', 'no-op', 'fastapi'], (contenders, model) =>
    measure(contenders, model, { quick, rounds }),
  )
}

/** Starts the contenders around one model; what answers wrongly is refused before anything is timed. */
export async function withContenders<T>(
  names: readonly Contender['name'][],
  work: (contenders: readonly Contender[], model: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-'))
  const contenders: Contender[] = []
  try {
    const model = join(folder, 'model')
    const { python, sources } = await enginePython()
    execFileSync(python, [join(here, 'make_model.py'), model], { env: { ...process.env, PYTHONPATH: sources }, stdio: 'inherit' })
    for (const name of names) contenders.push(await start(name, model, folder))
    await verifyAnswers(contenders, model)
    return await work(contenders, model)
  } finally {
    await Promise.all(contenders.map(({ subject }) => subject.stop()))
    rmSync(folder, { recursive: true, force: true })
  }
}

async function start(name: Contender['name'], model: string, folder: string): Promise<Contender> {
  const isReady = (line: string) => line.startsWith('ready ') || line.includes('Uvicorn running on')
  if (name === 'fastapi') {
    const python = peerPython(join(here, 'requirements.txt'))
    const argv = [
      python,
      '-m',
      'uvicorn',
      'fastapi_app:app',
      '--port',
      '0',
      '--timeout-keep-alive',
      '75',
      '--workers',
      '1',
      '--loop',
      'uvloop',
      '--http',
      'httptools',
      '--no-access-log',
    ]
    const subject = await startSubject(argv, { core: serverCore, cwd: here, env: { MODEL_FOLDER: model }, isReady })
    return {
      name,
      subject,
      token: null,
      url: `http://127.0.0.1:${/:(\d+)/.exec(subject.ready.slice(subject.ready.indexOf('http') + 6))![1]}/predict`,
    }
  }
  const script = name === 'atoll' ? [join(here, 'atoll_server.ts'), model, folder] : [join(here, 'no_op.mjs')]
  const subject = await startSubject([process.execPath, ...script], { core: serverCore, isReady })
  const [, port, token] = subject.ready.split(' ')
  const path = name === 'atoll' ? '/v1/endpoints/bench/predict' : '/'
  return { name, subject, token: token ?? null, url: `http://127.0.0.1:${port}${path}` }
}

/** What is not right is not timed: every subject gives the training library's answers, and all give the same label. */
async function verifyAnswers(contenders: readonly Contender[], model: string): Promise<void> {
  const rows = readFileSync(join(model, 'rows.jsonl'), 'utf8').trim().split('\n')
  const expected: number[] = JSON.parse(readFileSync(join(model, 'expected.json'), 'utf8'))
  for (const { name, url, token } of contenders.filter((contender) => contender.name !== 'no-op')) {
    for (let i = 0; i < 200; i++) {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
      const reply = await fetch(url, { method: 'POST', headers, body: rows[i]! })
      const answer = (await reply.json()) as any
      const { label, probabilities } = (name === 'atoll' ? answer.predictions?.[0] : answer) ?? {}
      const isRight = Math.abs(probabilities?.yes - expected[i]!) < 1e-6 && label === (expected[i]! >= 0.5 ? 'yes' : 'no')
      if (!isRight) throw new Error(`${name} answers ${JSON.stringify(answer)} to row ${i}; ${expected[i]} was expected.`)
    }
  }
}

async function measure(contenders: readonly Contender[], model: string, { quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const seconds = quick ? 3 : 5
  const connections = 16
  const runs = new Map<string, WrkResult[]>(contenders.map(({ name }) => [name, []]))
  const load = (contender: Contender, forSeconds: number) =>
    runWrk({
      url: contender.url,
      script: join(here, 'wrk.lua'),
      scriptArgs: [join(model, 'rows.jsonl'), ...(contender.token ? [contender.token] : [])],
      connections,
      seconds: forSeconds,
      core: clientCore,
    })
  for (const contender of contenders) await load(contender, 2)
  for (let round = 0; round < rounds; round++) {
    for (const contender of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      await quietMoment()
      const result = await load(contender, seconds)
      if (result.errors > 0) throw new Error(`${contender.name}: ${result.errors} requests failed.`)
      runs.get(contender.name)!.push(result)
      console.error(
        `round ${round + 1} ${contender.name}: ${result.requestsPerSecond.toFixed(0)}/s, p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms`,
      )
    }
  }
  const rate = (name: string) => runs.get(name)!.map((run) => run.requestsPerSecond)
  const results = [
    judged({
      id: 'S1',
      suite: 'serving',
      what: `One row of 30 numbers, boosted trees 200 x depth 6, ${connections} connections; authentication, checks, capture, metrics on`,
      ours: { value: median(rate('atoll')), unit: 'requests/s' },
      against: { name: noOpName, value: median(rate('no-op')) },
      ratio: pairedRatio(rate('atoll'), rate('no-op')),
      goal: { compare: '>=', value: 0.7, of: 'ratio' },
      note: `server on one core, wrk on another, ${rounds} interleaved rounds of ${seconds} s`,
    }),
  ]
  if (quick) return results
  results.push(
    judged({
      id: 'S1',
      suite: 'serving',
      what: 'The same, against a peer without authentication, capture or metrics',
      ours: { value: median(rate('atoll')), unit: 'requests/s' },
      against: { name: peerName, value: median(rate('fastapi')) },
      ratio: pairedRatio(rate('atoll'), rate('fastapi')),
      goal: { compare: '>=', value: 4, of: 'ratio' },
      note: 'the same runs; answers of both equal to the training library within 1e-6',
    }),
    await measureLatency(contenders, model, { ratePerSecond: Math.floor(0.7 * median(rate('fastapi'))), rounds }),
    await measureShadow(contenders[0]!, model, { ratePerSecond: Math.floor(0.7 * median(rate('fastapi'))), rounds }),
  )
  return results
}

/** Latency at one rate that the peer can hold, timed from when each request was due. */
async function measureLatency(
  contenders: readonly Contender[],
  model: string,
  { ratePerSecond, rounds }: { ratePerSecond: number; rounds: number },
): Promise<BenchResult> {
  const bodies = join(model, 'rows.jsonl')
  const p99 = { atoll: [] as number[], fastapi: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const name of ['atoll', 'fastapi'] as const) {
      const { url, token } = contenders.find((contender) => contender.name === name)!
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
      await quietMoment()
      const result = await runOpenLoop({ url, bodies, headers, ratePerSecond, seconds: 5, connections: 64 }, clientCore)
      if (result.errors > 0) throw new Error(`${name}: ${result.errors} requests failed at ${ratePerSecond}/s.`)
      console.error(
        `round ${round + 1} ${name} at ${ratePerSecond}/s: p50 ${result.p50Ms.toFixed(2)} ms, p99 ${result.p99Ms.toFixed(2)} ms`,
      )
      p99[name].push(result.p99Ms)
    }
  }
  return judged({
    id: 'S1',
    suite: 'serving',
    what: `p99 at ${ratePerSecond} requests/s (70 % of what the peer can), open loop`,
    ours: { value: median(p99.atoll), unit: 'ms' },
    against: { name: peerName, value: median(p99.fastapi) },
    ratio: pairedRatio(p99.atoll, p99.fastapi),
    goal: { compare: '<=', value: 0.25, of: 'ratio' },
    note: 'timed from when a request was due, so stalls of the server are not hidden',
  })
}

/** What a shadow of the same model adds to the slowest twentieth of the answers, at one rate. */
async function measureShadow(
  atoll: Contender,
  model: string,
  { ratePerSecond, rounds }: { ratePerSecond: number; rounds: number },
): Promise<BenchResult> {
  const bodies = join(model, 'rows.jsonl')
  const p95 = { bench: [] as number[], shadowed: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? (['bench', 'shadowed'] as const) : (['shadowed', 'bench'] as const)) {
      const url = atoll.url.replace('/bench/', `/${name}/`)
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${atoll.token}` }
      await quietMoment()
      const result = await runOpenLoop({ url, bodies, headers, ratePerSecond, seconds: 5, connections: 64 }, clientCore)
      if (result.errors > 0) throw new Error(`${name}: ${result.errors} requests failed at ${ratePerSecond}/s.`)
      console.error(`round ${round + 1} ${name} at ${ratePerSecond}/s: p95 ${result.p95Ms.toFixed(2)} ms`)
      p95[name].push(result.p95Ms)
    }
  }
  return judged({
    id: 'S1',
    suite: 'serving',
    what: `p95 at ${ratePerSecond} requests/s with a shadow of the same model, against none`,
    ours: { value: median(p95.shadowed), unit: 'ms' },
    against: { name: 'the same endpoint without a shadow', value: median(p95.bench) },
    ratio: pairedRatio(p95.shadowed, p95.bench),
    goal: { compare: '<=', value: 1.05, of: 'ratio' },
    note: 'open loop; the shadow is asked in the same process, between requests',
  })
}
