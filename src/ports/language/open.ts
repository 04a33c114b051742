import { randomBytes } from 'node:crypto'
import { open as openFile, stat } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { basename } from 'node:path'
import { PlatformError } from '../../kernel/errors.ts'
import { minutes } from '../../kernel/time.ts'
import type { Executor } from '../executors/executor.ts'
import { type GgufHeader, readGguf } from './gguf-header.ts'
import type {
  Asked,
  Generated,
  GenerateOptions,
  LanguageModel,
  LanguageModelFile,
  LanguageModels,
  Likelihood,
  ToolCall,
} from './language.ts'
import { type ModelWorker, openWorker } from './model-worker.ts'
import { prepare } from './prepare.ts'
import { threadsFor } from './threads.ts'

export interface LanguageNeeds {
  executor: Executor
  /** How long a prompt may take to be made by the template of a model; half a minute unless told. */
  promptMs?: number
}

/** Longer conversations are possible; they cost memory and, on processors, minutes. */
const mostContext = 8192
const mostContextBytes = Math.min(2 ** 30, totalmem() * 0.15)
const beyondWeightsBytes = 3 * 2 ** 29
const mostWaiting = 32
/** One answer, from the moment its turn comes. */
const answerMs = minutes(5)
const maxDeaths = 3
const deathsWithinMs = minutes(5)

/** Language models by llama.cpp: each in a confined process of its own, writing for one request after another. */
export function openLanguage({ executor, promptMs = 30_000 }: LanguageNeeds): LanguageModels {
  const open = new Set<LanguageModel>()
  return {
    async load(wanted) {
      const model = await loadModel({ executor, promptMs }, wanted)
      const kept: LanguageModel = {
        ...model,
        async close() {
          open.delete(kept)
          await model.close()
        },
      }
      open.add(kept)
      return kept
    },
    async close() {
      await Promise.all([...open].map((model) => model.close()))
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

async function loadModel({ executor, promptMs }: Required<LanguageNeeds>, wanted: LanguageModelFile): Promise<LanguageModel> {
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
      open: { file: wanted.file, contextLength, threads, chatTemplate, controlTokens: header.controlTokens },
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

  async function write(request: Asked, options: GenerateOptions): Promise<Generated> {
    // Refused before its turn comes, not after.
    const { sampling, ...prepared } = prepare(request, chatTemplate)
    const asked = performance.now()
    const before = turn
    let done = () => {}
    turn = new Promise<void>((resolve) => {
      done = resolve
    })
    await before
    const queue = (performance.now() - asked) / 1000
    const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal
    let text = ''
    const calls: ToolCall[] = []
    const logprobs: Likelihood[] = []
    const seed = request.seed ?? (request.temperature ? Math.floor(Math.random() * 2 ** 32) : null)
    const answered = (rest: Pick<Generated, 'finishReason' | 'tokens'>, first: number | null): Generated => ({
      text,
      ...((prepared.calls || calls.length > 0) && { calls }),
      ...(request.topLogprobs !== undefined && { logprobs }),
      ...rest,
      seconds: { queue, first, total: (performance.now() - asked) / 1000 },
      seed: request.temperature ? seed : null,
    })
    try {
      // Whoever went away while waiting is not written for.
      if (signal.aborted) return answered({ finishReason: 'cancelled', tokens: { prompt: 0, generated: 0 } }, null)
      const { finishReason, tokens, firstSeconds } = await (await living()).write(
        {
          ...prepared,
          sampling: { ...sampling, ...(seed !== null && { seed }), stop: [...(request.stop ?? []), ...(wanted.stop ?? [])] },
        },
        {
          fresh: request.seed !== undefined,
          deadlineMs: answerMs,
          signal,
          onText(piece, likelihoods) {
            text += piece
            if (likelihoods) logprobs.push(...likelihoods)
            options.onText?.(piece, likelihoods)
          },
          onCall({ index, name, arguments: given }) {
            const id = name === undefined ? undefined : `call_${randomBytes(12).toString('hex')}`
            if (id !== undefined) calls[index] = { id, name: name!, arguments: '' }
            if (given !== undefined) calls[index]!.arguments += given
            options.onCall?.({
              index,
              ...(id !== undefined && { id, name }),
              ...(given !== undefined && { arguments: given }),
            })
          },
        },
      )
      return answered({ finishReason, tokens }, firstSeconds)
    } finally {
      done()
    }
  }

  return {
    contextLength,
    canChat: chatTemplate !== null,
    memoryBytes,
    threads,
    async generate(request, options = {}) {
      if (closing.signal.aborted) throw new PlatformError('unavailable', 'The language model is being put away. Try again.')
      if (waiting >= mostWaiting)
        throw new PlatformError('unavailable', `${waiting} requests wait for this language model already. Try again soon.`, {
          retryAfterSeconds: 5,
        })
      waiting++
      try {
        return await write(request, options)
      } finally {
        waiting--
      }
    },
    async close() {
      closing.abort()
      await turn
      await worker?.close()
    },
  }
}
