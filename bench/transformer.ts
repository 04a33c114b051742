import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { startSubject, treeCpuMs } from './lib/processes.ts'
import { madeOnce } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { enginePython } from './lib/runtime.ts'
import { median, pairedRatio } from './lib/stats.ts'
import { runWrk } from './lib/wrk.ts'
import { type Asked, bentoMl, litServe, type Peer, startPeer, torchOnFastApi, verifyAnswers } from './transformer/peers.ts'

const here = join(import.meta.dirname, 'transformer')
const serverCore = 0
const clientCore = 1
const connections = 32
const seconds = 5
const texts = 500
const modelNames = ['fp32', 'int8'] as const
type ModelName = (typeof modelNames)[number]
const namesOf = { fp32: 'float32', int8: 'int8' }

interface Load {
  tokensPerSecond: number
  /** Processor time of the server and all its processes. */
  cpuMsPer1000: number
}

interface World {
  /** The models, and the texts with what is known of them. */
  models: string
  /** For what is written meanwhile. */
  folder: string
  /** Atoll's two endpoints, in one server. */
  atoll: Record<ModelName, Asked>
  rounds: number
}

/** S2: texts of 16 to 256 tokens through an encoder of the shape of MiniLM-L6, one a request; one core for whoever serves. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-texts-'))
  let world: World | undefined
  try {
    const models = await makeModels()
    world = { models, folder, atoll: await startAtoll(models, folder), rounds }
    const results: BenchResult[] = []
    for (const model of modelNames) results.push(await againstRaw(world, model))
    results.push(await accuracyLoss(world))
    if (quick) return results
    for (const model of modelNames)
      for (const peer of [litServe, bentoMl]) results.push(await againstPeer(world, peer, model, model))
    results.push(await againstPeer(world, torchOnFastApi, 'fp32', 'int8'))
    return results
  } finally {
    await world?.atoll.fp32.subject.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function makeModels(): Promise<string> {
  const { python, sources } = await enginePython('deep')
  const script = join(here, 'make_model.py')
  return madeOnce(`${texts} ${readFileSync(script, 'utf8')}`, (folder) =>
    execFileSync(python, [script, folder, String(texts)], {
      env: { ...process.env, PYTHONPATH: sources },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  )
}

async function startAtoll(models: string, folder: string): Promise<World['atoll']> {
  const bodies = join(folder, 'bodies.jsonl')
  const told: string[] = JSON.parse(readFileSync(join(models, 'texts.json'), 'utf8'))
  writeFileSync(bodies, told.map((text) => `${JSON.stringify({ row: { text } })}\n`).join(''))
  const subject = await startSubject([process.execPath, join(here, 'atoll_server.ts'), models, folder], {
    core: serverCore,
    isReady: (line) => line.startsWith('ready '),
  })
  const [, port, token] = subject.ready.split(' ')
  const endpoint = (name: ModelName): Asked => ({
    name: `Atoll, ${namesOf[name]}`,
    url: `http://127.0.0.1:${port}/v1/endpoints/${name}/predict`,
    token: token!,
    bodies,
    subject,
  })
  return { fp32: endpoint('fp32'), int8: endpoint('int8') }
}

/** A closed loop of wrk. Texts are sent in turn, so how many were answered says how many tokens they had. */
async function load({ models }: World, { url, token, bodies, subject, name }: Asked, forSeconds = seconds): Promise<Load> {
  await idle(subject.pid)
  const before = treeCpuMs(subject.pid)
  const { requestsPerSecond, p50Ms, p99Ms, errors } = await runWrk({
    ...{ url, connections, seconds: forSeconds, core: clientCore, script: join(here, '..', 'serving', 'wrk.lua') },
    scriptArgs: [bodies, ...(token ? [token] : [])],
  })
  const cpuMs = treeCpuMs(subject.pid) - before
  if (errors > 0) throw new Error(`${name}: ${errors} requests failed.`)
  const tokens = tokensOfFirst(models, requestsPerSecond * forSeconds)
  const tokensPerSecond = tokens / forSeconds
  const cpuMsPer1000 = (1000 * cpuMs) / tokens
  console.error(
    `${name}: ${tokensPerSecond.toFixed(0)} tokens/s, ${requestsPerSecond.toFixed(0)} requests/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms; ${cpuMsPer1000.toFixed(0)} ms of processor per 1000 tokens`,
  )
  return { tokensPerSecond, cpuMsPer1000 }
}

function tokensOfFirst(models: string, requests: number): number {
  const lengths: number[] = JSON.parse(readFileSync(join(models, 'lengths.json'), 'utf8'))
  let tokens = 0
  for (let i = 0; i < Math.round(requests); i++) tokens += lengths[i % lengths.length]!
  return tokens
}

/** Waits until a server has done what it was still asked. */
async function idle(pid: number): Promise<void> {
  const until = Date.now() + 10_000
  for (let used = treeCpuMs(pid); Date.now() < until; ) {
    await sleep(300)
    const now = treeCpuMs(pid)
    if (now - used <= 30) return
    used = now
  }
}

async function againstRaw(world: World, model: ModelName): Promise<BenchResult> {
  const raw = await startRaw(world.models, model)
  try {
    const accuracy = await verifyAnswers(world.atoll[model], { ...world, model, texts: 30 })
    if (!(accuracy > 0.6)) throw new Error(`The ${model} model is right of ${accuracy} of 30 texts only.`)
    const { ours, theirs } = await inTurn(world, world.atoll[model], () => raw.measure())
    return compared(`raw ONNX Runtime, ${raw.way}, ids ready and sorted by length`, { ours, theirs }, 0.95, {
      what: `${what(model)}, one text a request, ${connections} connections`,
      note: `authentication, checks, tokenisation, capture, metrics on; ${model === 'int8' ? 'its answers depend on what else is in a run, so neither side batches; ' : ''}`,
    })
  } finally {
    raw.stop()
  }
}

/** Points of accuracy that fewer bits cost, by the answers of the endpoints. */
async function accuracyLoss(world: World): Promise<BenchResult> {
  const right = { fp32: 0, int8: 0 }
  for (const model of modelNames) right[model] = await verifyAnswers(world.atoll[model], { ...world, model, texts })
  return judged({
    id: 'S2',
    suite: 'transformer',
    what: 'Accuracy that int8 costs, in points',
    ours: { value: 100 * (right.fp32 - right.int8), unit: 'pt' },
    against: null,
    ratio: null,
    goal: { compare: '<=', value: 0.5, of: 'value' },
    note: `float32 ${(100 * right.fp32).toFixed(1)} %, int8 ${(100 * right.int8).toFixed(1)} % of ${texts} texts`,
  })
}

/** Against a peer at whichever of its sizes of a batch is fastest here. */
async function againstPeer(world: World, peer: Peer, theirModel: ModelName, ourModel: ModelName): Promise<BenchResult> {
  const start = (batch: number) => startPeer(peer, { ...world, model: theirModel, batch, core: serverCore })
  let best = { batch: peer.batches[0]!, rate: 0 }
  for (const batch of peer.batches.length > 1 ? peer.batches : []) {
    const asked = await start(batch)
    try {
      await load(world, asked, 2)
      const rate = 1 / (await load(world, asked, 3)).cpuMsPer1000
      if (rate > best.rate) best = { batch, rate }
    } finally {
      await asked.subject.stop()
    }
  }
  const asked = await start(best.batch)
  try {
    await load(world, asked, 2)
    const { ours, theirs } = await inTurn(world, world.atoll[ourModel], () => load(world, asked))
    const isTorch = theirModel !== ourModel
    const tried = peer.batches.length > 1 ? `batches of ${peer.batches.join(', ')} tried: ` : ''
    return compared(`${tried}${asked.name}`, { ours, theirs }, isTorch ? 4 : 1.3, {
      what: isTorch ? `${what(ourModel)}, against torch in float32` : `${what(ourModel)}, against ${peer.name.split(' ')[0]}`,
      note: `${isTorch ? '' : 'the same graph and tokenizer; '}ours with authentication, checks, capture and metrics; `,
    })
  } finally {
    await asked.subject.stop()
  }
}

async function inTurn(world: World, atoll: Asked, other: () => Promise<Load>): Promise<{ ours: Load[]; theirs: Load[] }> {
  const ours: Load[] = []
  const theirs: Load[] = []
  await load(world, atoll, 2)
  for (let round = 0; round < world.rounds; round++) {
    await quietMoment(5)
    ours.push(await load(world, atoll))
    await idle(atoll.subject.pid)
    theirs.push(await other())
  }
  return { ours, theirs }
}

const what = (model: ModelName): string => `Encoder of 6 layers x 384 in ${namesOf[model]}, texts of 16 to 256 tokens (lognormal)`

function compared(
  name: string,
  { ours, theirs }: { ours: Load[]; theirs: Load[] },
  wanted: number,
  { what, note }: { what: string; note: string },
): BenchResult {
  const rates = (loads: Load[]) => loads.map(({ tokensPerSecond }) => tokensPerSecond)
  const cpu = (loads: Load[]) => loads.map(({ cpuMsPer1000 }) => cpuMsPer1000)
  const byProcessor = pairedRatio(cpu(theirs), cpu(ours))
  return judged({
    id: 'S2',
    suite: 'transformer',
    what,
    ours: { value: median(rates(ours)), unit: 'tokens/s' },
    against: { name, value: median(rates(theirs)) },
    ratio: pairedRatio(rates(ours), rates(theirs)),
    goal: { compare: '>=', value: wanted, of: 'ratio' },
    note: `${note}server on one core, ${ours.length} interleaved rounds of ${seconds} s. By processor time ${byProcessor.median.toFixed(2)} [${byProcessor.low.toFixed(2)}, ${byProcessor.high.toFixed(2)}]: ${median(cpu(ours)).toFixed(0)} against ${median(cpu(theirs)).toFixed(0)} ms per 1000 tokens`,
  })
}

/** The runtime by itself, in a process that measures for so many seconds when it is asked. */
async function startRaw(models: string, model: ModelName): Promise<{ way: string; measure(): Promise<Load>; stop(): void }> {
  const argv = ['-c', String(serverCore), process.execPath, join(here, 'raw.ts'), models, model]
  const child: ChildProcess = spawn('taskset', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout! })
  const way = (await nextLine(lines)).replace('ready ', '')
  return {
    way,
    async measure() {
      child.stdin!.write(`${seconds}\n`)
      const { tokens, ms, cpuMs } = JSON.parse(await nextLine(lines)) as { tokens: number; ms: number; cpuMs: number }
      const told = { tokensPerSecond: (1000 * tokens) / ms, cpuMsPer1000: (1000 * cpuMs) / tokens }
      console.error(
        `raw ${model} (${way}): ${told.tokensPerSecond.toFixed(0)} tokens/s; ${told.cpuMsPer1000.toFixed(0)} ms of processor per 1000 tokens`,
      )
      return told
    },
    stop: () => void child.kill(),
  }
}

const nextLine = async (lines: Interface): Promise<string> => ((await once(lines, 'line')) as [string])[0]
