import { createInterface } from 'node:readline'
import type { LlamaEmbeddingContext, Token } from 'node-llama-cpp'
import { type Opened, Refusal } from './opened.ts'
import type { Said, Told } from './protocol.ts'
import { writeAnswer } from './write-answer.ts'
import { writeVectors } from './write-vectors.ts'

// The process of one language model: native code that may end it reaches nothing but itself.

const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`)

let opened: Opened | null = null
let embedding: LlamaEmbeddingContext | null = null
let embeddedAtOnce = 0
const cancelled = new Set<number>()
let last: Promise<void> = Promise.resolve()

createInterface({ input: process.stdin }).on('line', (line) => {
  const told = JSON.parse(line) as Told
  if (told.type === 'cancel') cancelled.add(told.id)
  else last = last.then(() => (told.type === 'open' ? open(told) : answer(told)))
})

async function open(told: Told & { type: 'open' }): Promise<void> {
  let llamaCpp: typeof import('node-llama-cpp')
  try {
    llamaCpp = await import('node-llama-cpp')
  } catch (error) {
    return say({ type: 'failed', absent: true, message: (error as Error).message })
  }
  try {
    const llama = await llamaCpp.getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      maxThreads: told.threads,
      logLevel: llamaCpp.LlamaLogLevel.error,
      logger: (_level, message) => void process.stderr.write(`${message.trim()}\n`),
    })
    const model = await llama.loadModel({ modelPath: told.file, gpuLayers: 0 })
    if (told.purpose === 'embed') {
      embedding = await model.createEmbeddingContext({
        contextSize: told.contextLength,
        batchSize: told.contextLength,
        threads: told.threads,
        ignoreMemorySafetyChecks: true,
      })
      embeddedAtOnce = told.contextLength
      return say({ type: 'ready' })
    }
    const context = await model.createContext({
      contextSize: told.contextLength,
      sequences: 1,
      threads: told.threads,
      batchSize: Math.min(512, told.contextLength),
      ignoreMemorySafetyChecks: true,
    })
    const text = (token: Token | null) => (token === null ? '' : model.detokenize([token], true))
    opened = {
      llamaCpp,
      llama,
      model,
      sequence: context.getSequence(),
      contextLength: Math.min(told.contextLength, context.contextSize),
      format: told.chatTemplate
        ? {
            template: told.chatTemplate,
            controlTokens: told.controlTokens,
            bos: text(model.tokens.bos),
            eos: text(model.tokens.eos),
          }
        : null,
    }
    say({ type: 'ready' })
  } catch (error) {
    say({ type: 'failed', absent: error instanceof llamaCpp.NoBinaryFoundError, message: (error as Error).message })
  }
}

async function answer(told: Told & { type: 'generate' | 'embed' }): Promise<void> {
  const { id } = told
  const talk = { say, isCancelled: () => cancelled.has(id) }
  try {
    if (told.type === 'generate') say({ type: 'done', id, ...(await writeAnswer(opened!, told, talk)) })
    else {
      await writeVectors(embedding!, embeddedAtOnce, told, talk)
      say({ type: 'embedded', id })
    }
  } catch (error) {
    if (error instanceof Refusal) say({ type: 'refused', id, message: error.message, facts: error.facts })
    else say({ type: 'error', id, message: (error as Error).message })
  } finally {
    cancelled.delete(id)
  }
}
