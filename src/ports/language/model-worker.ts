import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { invalidInput, PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Executor } from '../executors/executor.ts'
import type { Embedded, Likelihood } from './language.ts'
import type { Prepared } from './prepare.ts'
import type { Said, Told } from './protocol.ts'

export interface WorkerOptions {
  executor: Executor
  open: Omit<Told & { type: 'open' }, 'type'>
  memoryBytes: number
  /** A chat template is a program, and may not end: it is waited for no longer. */
  promptMs: number
}

/** A model in its process: one request at a time. */
export interface ModelWorker {
  readonly dead: boolean
  write(request: Prepared, options: WriteOptions): Promise<Said & { type: 'done' }>
  embed(texts: readonly string[], options: { deadlineMs: number; signal: AbortSignal }): Promise<Embedded[]>
  close(): Promise<void>
}

export interface WriteOptions {
  onText(text: string, likelihoods?: Likelihood[]): void
  onCall(piece: Said & { type: 'call' }): void
  signal: AbortSignal
  fresh: boolean
  deadlineMs: number
}

const startTimeoutMs = 120_000
/** Beyond the deadline that the process itself keeps: then it hangs. */
const graceMs = 15_000

const root = join(import.meta.dirname, '..', '..', '..')
const script = join(import.meta.dirname, 'model-process.ts')

/** Starts the process of a model, as confined as this machine lets jobs be: no network, no environment, only the model's own file to read. */
export async function openWorker({ executor, open, memoryBytes, promptMs }: WorkerOptions): Promise<ModelWorker> {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-language-'))
  let dead = false
  let lastWords = ''
  let nextId = 0
  let hear: (said: Said) => void = () => {}
  let fail: (error: Error) => void = () => {}

  const running = executor.start({
    folder,
    // What the model needs is not of V8's heap; a template that wants more than this is none.
    argv: [process.execPath, '--disable-warning=ExperimentalWarning', '--max-old-space-size=512', script],
    env: {},
    readOnly: [process.execPath, join(root, 'package.json'), join(root, 'src'), join(root, 'node_modules'), dirname(open.file)],
    limits: {
      ...executor.defaultLimits,
      cpus: open.threads,
      memoryBytes,
      maxProcesses: 128,
      maxFileBytes: 2 ** 20,
      maxDiskBytes: 2 ** 26,
      wallSeconds: 10 * 365 * 86_400,
    },
    isServing: true,
    takesLines: true,
    maxLineCharacters: 2 ** 20,
    graceSeconds: 1,
    onLine(line, stream) {
      if (stream === 'stderr') lastWords = line || lastWords
      else {
        const said = parsed(line)
        if (said) hear(said)
      }
    },
  })
  running.done
    .then(
      ({ limit }) => {
        if (limit === 'memory') lastWords = 'it needed more memory than it may use'
      },
      (error: Error) => {
        lastWords = error.message
      },
    )
    .finally(() => {
      dead = true
      rmSync(folder, { recursive: true, force: true })
      fail(
        new PlatformError(
          'unavailable',
          `The process of the language model ended unexpectedly: ${lastWords || 'no reason given'}`,
        ),
      )
    })

  /** Tells the process something and listens until `take` has what it waits for. */
  async function exchange<T>(
    told: Told,
    { take, ms, doing }: { take(said: Said): T | null; ms: number; doing: string },
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        if (dead) return reject(new PlatformError('unavailable', `The process of the language model has ended: ${lastWords}`))
        fail = reject
        hear = (said) => {
          try {
            const taken = take(said)
            if (taken !== null) resolve(taken)
          } catch (error) {
            reject(error as Error)
          }
        }
        timer = setTimeout(() => {
          running.kill()
          reject(
            new PlatformError(
              'timeout',
              `The language model did not ${doing} within ${Math.round(ms / 1000)} s and was stopped.`,
            ),
          )
        }, ms).unref()
        running.send(JSON.stringify(told))
      })
    } finally {
      clearTimeout(timer)
      hear = () => {}
      fail = () => {}
    }
  }

  async function write(request: Prepared, options: WriteOptions): Promise<Said & { type: 'done' }> {
    const { onText, onCall, signal, fresh, deadlineMs } = options
    const id = nextId++
    const cancel = () => running.send(JSON.stringify({ type: 'cancel', id } satisfies Told))
    signal.addEventListener('abort', cancel, { once: true })
    const hung = setTimeout(() => {
      lastWords = 'its chat template came to no end'
      running.kill()
    }, promptMs).unref()
    try {
      return await exchange<Said & { type: 'done' }>(
        { type: 'generate', id, request, fresh, deadlineMs },
        {
          ms: deadlineMs + graceMs,
          doing: 'answer',
          take(said) {
            if (!('id' in said) || said.id !== id) return null
            clearTimeout(hung)
            if (said.type === 'text') onText(said.text, said.likelihoods)
            else if (said.type === 'call') onCall(said)
            else if (said.type === 'refused') throw invalidInput(said.message, said.facts)
            else if (said.type === 'error') throw new PlatformError('internal', `The language model failed: ${said.message}`)
            return said.type === 'done' ? said : null
          },
        },
      )
    } finally {
      clearTimeout(hung)
      signal.removeEventListener('abort', cancel)
    }
  }

  async function embed(
    texts: readonly string[],
    { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  ): Promise<Embedded[]> {
    const id = nextId++
    const cancel = () => running.send(JSON.stringify({ type: 'cancel', id } satisfies Told))
    signal.addEventListener('abort', cancel, { once: true })
    const found: Embedded[] = []
    try {
      return await exchange<Embedded[]>(
        { type: 'embed', id, texts, deadlineMs },
        {
          ms: deadlineMs + graceMs,
          doing: 'answer',
          take(said) {
            if (!('id' in said) || said.id !== id) return null
            if (said.type === 'vector') found.push({ tokens: said.tokens, vector: fromBase64(said.vector) })
            else if (said.type === 'refused') throw invalidInput(said.message, said.facts)
            else if (said.type === 'error') throw new PlatformError('internal', `The language model failed: ${said.message}`)
            return said.type === 'embedded' ? found : null
          },
        },
      )
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

  const close = async () => {
    running.stop()
    await running.done.catch(() => {})
  }

  try {
    await exchange<true>(
      { type: 'open', ...open },
      {
        ms: startTimeoutMs,
        doing: 'load',
        take(said) {
          if (said.type === 'failed') throw said.absent ? absent(said.message) : unloadable(said.message)
          return said.type === 'ready' ? true : null
        },
      },
    )
  } catch (error) {
    running.kill()
    await running.done.catch(() => {})
    throw error
  }
  return {
    get dead() {
      return dead
    },
    write,
    embed,
    close,
  }
}

function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64')
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

const absent = (message: string) =>
  preconditionFailed(
    `Language models cannot be served by this install: llama.cpp is not there for ${process.platform} ${process.arch} (the optional package node-llama-cpp). Install the packages anew on Linux x64; everything else works without it. ${message}`,
    { package: 'node-llama-cpp' },
  )

const unloadable = (message: string) =>
  invalidInput(`The language model could not be loaded: ${message.split('\n')[0]?.slice(0, 300)}`, { file: 'model.gguf' })

function parsed(line: string): Said | null {
  try {
    const said: unknown = JSON.parse(line)
    return said && typeof said === 'object' && 'type' in said ? (said as Said) : null
  } catch {
    return null
  }
}
