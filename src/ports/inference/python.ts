import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PlatformError, unprocessable } from '../../kernel/errors.ts'
import type { Runtimes } from '../engines/runtimes.ts'
import type { Executor, ProcessOutcome } from '../executors/executor.ts'
import { decodeRows } from './decode.ts'
import type { LoadedModel, PythonPackage, RawBatch } from './inference.ts'
import { microBatch } from './micro-batch.ts'
import { microBatchItems } from './micro-batch-items.ts'
import { type MortalSession, restarting } from './session.ts'
import { type OutputPlace, outputPlaces, shapeOf } from './signature.ts'
import { inTurn, type RowAnswer, type RowWork } from './texts/in-turn.ts'
import { workerPool } from './worker-pool.ts'

export interface PythonNeeds {
  executor: Executor
  runtimes: Runtimes
  /** Folder that holds `atoll_engines`. */
  enginesFolder: string
}

const startTimeoutMs = 60_000
const answerTimeoutMs = 60_000
const maxRows = 1024
/** Files as base64 in one line. */
const mediaRowsPerRun = 16
/** The probabilities of so many rows, with a thousand classes each. */
const maxAnswerCharacters = 32 * 2 ** 20
const memoryBytes = 2 * 2 ** 30

/** The marked Python worker: the fitted pipeline of a package whose graph could not be proven, in the job sandbox. */
export async function loadPython(needs: PythonNeeds, model: PythonPackage): Promise<LoadedModel> {
  const shape = shapeOf(model.signature)
  if (shape.decoding || shape.turns) {
    const session = await restarting('Python worker', () => openAnswerWorker(needs, model))
    return { kind: 'python', place: 'process', ...inTurn([session]), memoryBytes }
  }
  const start = () => restarting('Python worker', () => openScoreWorker(needs, model))
  const session = await start()
  const { predict, close, elastic } = shape.media
    ? microBatchItems([session], shape, { maxRows: mediaRowsPerRun, keyOf: () => '' })
    : microBatch([session], shape, maxRows)
  return {
    kind: 'python',
    place: 'process',
    predict: (batch) => predict(batch).catch(tellRefusal),
    close,
    workers: workerPool(elastic, start),
    get memoryBytes() {
      return memoryBytes * elastic.figures().workers
    },
  }
}

async function openScoreWorker(needs: PythonNeeds, model: PythonPackage): Promise<MortalSession> {
  const worker = await openWorker(needs, model)
  const places = outputPlaces(model.signature)
  return {
    get dead() {
      return worker.dead
    },
    run: async (batch) => joinAnswer(await worker.ask(batch), places, batch.rows),
    close: worker.close,
  }
}

/** A worker that is asked for one text, or the turns of one recording, at a time. */
async function openAnswerWorker(needs: PythonNeeds, model: PythonPackage): Promise<MortalSession<RowWork, RowAnswer>> {
  const worker = await openWorker(needs, model)
  return {
    get dead() {
      return worker.dead
    },
    async run({ batch, row }) {
      const { answers } = await worker.ask({ ...batch, rows: 1, items: [batch.items![row]!] })
      const [answer] = answers ?? []
      if (!answer || !('text' in answer || 'turns' in answer)) throw new Error('The Python worker answered no text and no turns.')
      return answer
    },
    close: worker.close,
  }
}

interface Worker {
  readonly dead: boolean
  ask(batch: RawBatch): Promise<Answer>
  close(): Promise<void>
}

async function openWorker({ executor, runtimes, enginesFolder }: PythonNeeds, model: PythonPackage): Promise<Worker> {
  const { family, runtime: runtimeName } = model.engine ?? { family: 'tabular', runtime: 'tabular' }
  const runtime = await runtimes.ensure(runtimeName)
  const folder = layFolder(`${family}.predict`)
  let dead = false
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null
  let lastWords = ''

  const process = executor.start({
    folder,
    argv: [runtime.python, '-m', 'atoll_engines.run'],
    env: { ...runtime.env, PYTHONPATH: enginesFolder, PYTHONDONTWRITEBYTECODE: '1' },
    readOnly: [...runtime.readOnly, enginesFolder],
    mounts: [{ path: model.folder, at: 'input/data/model', writable: false }],
    limits: {
      ...executor.defaultLimits,
      cpus: 1,
      memoryBytes,
      maxProcesses: 64,
      maxFileBytes: 2 ** 20,
      maxDiskBytes: 2 ** 26,
      wallSeconds: 10 * 365 * 86_400,
    },
    isServing: true,
    takesLines: true,
    maxLineCharacters: maxAnswerCharacters,
    graceSeconds: 2,
    onLine(line, stream) {
      if (stream === 'stderr') lastWords = line
      else settle(line)
    },
  })
  process.done
    .then(
      (outcome) => {
        lastWords = [lastWords, endingOf(outcome)].filter(Boolean).join(' ')
      },
      (error: Error) => {
        lastWords = error.message
      },
    )
    .finally(() => {
      dead = true
      rmSync(folder, { recursive: true, force: true })
      waiting?.reject(
        new PlatformError('unavailable', `The model's Python worker ended unexpectedly: ${lastWords || 'no reason given'}`),
      )
      waiting = null
    })

  function settle(line: string): void {
    const answer = parseAnswer(line)
    if (!answer || !waiting) return
    const { resolve } = waiting
    waiting = null
    resolve(answer)
  }

  async function answerWithin(ms: number, doing: string): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Answer>((resolve, reject) => {
        if (dead) return reject(new PlatformError('unavailable', `The model's Python worker has ended: ${lastWords}`))
        waiting = { resolve, reject }
        timer = setTimeout(() => {
          waiting = null
          process.kill()
          reject(
            new PlatformError('timeout', `The model's Python worker did not ${doing} within ${ms / 1000} s and was stopped.`),
          )
        }, ms).unref()
      })
    } finally {
      clearTimeout(timer)
    }
  }

  try {
    const first = await answerWithin(startTimeoutMs, 'start')
    if (first.error) throw new PlatformError('invalid_input', `The model cannot be loaded by Python: ${first.error}`)
  } catch (error) {
    process.kill()
    throw error
  }
  return {
    get dead() {
      return dead
    },
    async ask(batch: RawBatch) {
      const answered = answerWithin(answerTimeoutMs, 'answer')
      process.send(JSON.stringify(decodeRows(model.signature, batch)))
      const answer = await answered
      if (answer.error !== undefined) throw new Refusal(answer.error)
      return answer
    },
    async close() {
      process.stop()
      await process.done.catch(() => {})
    },
  }
}

/** What a worker said instead of an answer: of these rows alone, so that others of the same run are asked again. */
class Refusal extends Error {}

function tellRefusal(error: unknown): never {
  throw error instanceof Refusal ? unprocessable(error.message) : error
}

function endingOf({ exitCode, signal, limit }: ProcessOutcome): string {
  if (limit) return limit === 'memory' ? '(it needed more memory than it may have)' : `(it passed its limit: ${limit})`
  return exitCode === null ? `(ended by ${signal ?? 'a signal'})` : `(exit code ${exitCode})`
}

interface Answer {
  ready?: true
  error?: string
  probabilities?: number[][]
  predictions?: Column
  outputs?: Record<string, Column>
  answers?: RowAnswer[]
}
type Column = (number | null | (number | null)[])[]

/** Lays the values of an answer's outputs beside one another, row by row. */
function joinAnswer(answer: Answer, places: readonly OutputPlace[], rows: number): Float32Array {
  const width = places.reduce((sum, place) => sum + place.width, 0)
  const joined = new Float32Array(rows * width)
  for (const { name, offset, width: wide } of places) {
    const column: Column | undefined =
      answer.outputs?.[name] ??
      (name === 'probabilities' ? answer.probabilities : name === 'prediction' ? answer.predictions : undefined)
    if (column?.length !== rows)
      throw new Error(`The Python worker answered ${column?.length ?? 'no'} values of "${name}" for ${rows} rows.`)
    for (let r = 0; r < rows; r++) {
      const values = Array.isArray(column[r]) ? (column[r] as (number | null)[]) : [column[r] as number | null]
      if (values.length !== wide)
        throw new Error(`The Python worker answered ${values.length} values of "${name}" for row ${r}; ${wide} were expected.`)
      for (let k = 0; k < wide; k++) joined[r * width + offset + k] = values[k] ?? Number.NaN
    }
  }
  return joined
}

function parseAnswer(line: string): Answer | null {
  try {
    const answer: unknown = JSON.parse(line)
    return answer && typeof answer === 'object' && !Array.isArray(answer) ? answer : null
  } catch {
    return null
  }
}

function layFolder(engine: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-serve-'))
  for (const path of ['input/config', 'input/data/model', 'output/data', 'checkpoints', 'model', 'native']) {
    mkdirSync(join(folder, path), { recursive: true })
  }
  const write = (name: string, value: unknown) =>
    writeFileSync(join(folder, 'input/config', `${name}.json`), JSON.stringify(value))
  write('job', { id: 'serve', engine, seed: 0, attempt: 1, contract: 1 })
  write('hyperparameters', { serve: true })
  write('inputdataconfig', { model: { ContentType: 'application/octet-stream' } })
  write('resourceconfig', { cpus: 1, memoryBytes, gpus: 0, current_host: 'local' })
  return folder
}
