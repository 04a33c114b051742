import { open as openFile, stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { basename } from 'node:path'
import { PlatformError } from '../../kernel/errors.ts'
import { minutes } from '../../kernel/time.ts'
import type { Executor } from '../executors/executor.ts'
import { type GgufHeader, readGguf } from './gguf-header.ts'
import type { LanguageModelFile } from './language.ts'
import { type ModelWorker, openWorker } from './model-worker.ts'
import { threadsFor } from './threads.ts'

export interface HostNeeds {
  executor: Executor
  /** How long a prompt may take to be made by the template of a model. */
  promptMs: number
}

/** Longer conversations are possible; they cost memory and, on processors, minutes. */
const mostContext = 8192
const mostContextBytes = Math.min(2 ** 30, totalmem() * 0.15)
const beyondWeightsBytes = 3 * 2 ** 29
const mostWaiting = 32
const maxDeaths = 3
const deathsWithinMs = minutes(5)

export type ModelHost = Awaited<ReturnType<typeof openHost>>

/** A model's file in a process of its own: one request after another, started again when it dies, a few times. */
export async function openHost({ executor, promptMs }: HostNeeds, wanted: LanguageModelFile, purpose: 'write' | 'embed') {
  const header = await headerOf(wanted.file)
  const contextLength = Math.max(
    1,
    Math.min(
      header.contextLength,
      wanted.contextLength ?? mostContext,
      mostContext,
      Math.floor(mostContextBytes / header.contextBytesPerToken),
    ),
  )
  const chatTemplate = wanted.chatTemplate ?? header.chatTemplate
  const threads = threadsFor(header.weightBytes)
  const memoryBytes = header.weightBytes + contextLength * header.contextBytesPerToken
  const start = () =>
    openWorker({
      executor,
      promptMs,
      open: { purpose, file: wanted.file, contextLength, threads, chatTemplate, controlTokens: header.controlTokens },
      // Weights may be laid out anew in memory beside the mapped file.
      memoryBytes: Math.min(executor.defaultLimits.memoryBytes, 2 * memoryBytes + beyondWeightsBytes),
    })

  let worker: ModelWorker | null = await start()
  let deaths: number[] = []
  let waiting = 0
  let turn: Promise<unknown> = Promise.resolve()
  const closing = new AbortController()

  async function living(): Promise<ModelWorker> {
    if (worker?.dead) {
      worker = null
      deaths = [...deaths.filter((at) => at > Date.now() - deathsWithinMs), Date.now()]
    }
    if (deaths.length >= maxDeaths && deaths[0]! > Date.now() - deathsWithinMs)
      throw new PlatformError(
        'unavailable',
        `The process of the language model died ${deaths.length} times within minutes and is not started again. Look at the model.`,
      )
    worker ??= await start()
    return worker
  }

  /** Does a piece of work when its turn comes; `living` gives the process to do it with. */
  async function inTurn<T>(work: (living: () => Promise<ModelWorker>) => Promise<T>): Promise<T> {
    if (closing.signal.aborted) throw new PlatformError('unavailable', 'The language model is being put away. Try again.')
    if (waiting >= mostWaiting)
      throw new PlatformError('unavailable', `${waiting} requests wait for this language model already. Try again soon.`, {
        retryAfterSeconds: 5,
      })
    waiting++
    const before = turn
    let done = () => {}
    turn = new Promise<void>((resolve) => {
      done = resolve
    })
    try {
      await before
      return await work(living)
    } finally {
      waiting--
      done()
    }
  }

  return {
    header,
    contextLength,
    chatTemplate,
    memoryBytes,
    threads,
    closing: closing.signal,
    inTurn,
    /** Ends what is being done, then lets go of the model. */
    async close(): Promise<void> {
      closing.abort()
      await turn
      await worker?.close()
    },
  }
}

/** Reads and checks the head of a local GGUF file. */
export async function headerOf(file: string): Promise<GgufHeader> {
  const handle = await openFile(file, 'r')
  try {
    const { size } = await stat(file)
    const read = async (start: number, end: number) => {
      const bytes = Buffer.alloc(end - start)
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
      return bytes.subarray(0, bytesRead)
    }
    return await readGguf(read, { path: basename(file), sizeBytes: size })
  } finally {
    await handle.close()
  }
}
