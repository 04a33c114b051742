import { createInterface } from 'node:readline'
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import { type ChatFormat, chatPrompt, type PromptPart } from './chat-prompt.ts'
import type { FinishReason, Prompt } from './language.ts'
import type { Said, Told } from './protocol.ts'
import { untilStop } from './stop-texts.ts'

// The process of one language model: native code that may end it reaches nothing but itself.

interface Opened {
  model: LlamaModel
  sequence: LlamaContextSequence
  contextLength: number
  format: ChatFormat | null
}

/** What is wrong with a request, for whoever sent it. */
class Refusal extends Error {
  readonly facts: Record<string, unknown>

  constructor(message: string, facts: Record<string, unknown> = {}) {
    super(message)
    this.facts = facts
  }
}

const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`)
/** Between so many tokens of a prompt it is looked whether anybody still waits. */
const tokensPerLook = 256
/** A character has four bytes at most; some tokens are parts of one. */
const mostPendingTokens = 8

let opened: Opened | null = null
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
    const context = await model.createContext({
      contextSize: told.contextLength,
      sequences: 1,
      threads: told.threads,
      batchSize: Math.min(512, told.contextLength),
      ignoreMemorySafetyChecks: true,
    })
    const text = (token: Token | null) => (token === null ? '' : model.detokenize([token], true))
    opened = {
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

async function answer(told: Told & { type: 'generate' }): Promise<void> {
  const { id } = told
  try {
    say({ type: 'done', id, ...(await write(opened!, told)) })
  } catch (error) {
    if (error instanceof Refusal) say({ type: 'refused', id, message: error.message, facts: error.facts })
    else say({ type: 'error', id, message: (error as Error).message })
  } finally {
    cancelled.delete(id)
  }
}

async function write({ model, sequence, contextLength, format }: Opened, told: Told & { type: 'generate' }) {
  const { id, request, fresh, deadlineMs } = told
  const began = performance.now()
  const deadline = began + deadlineMs
  const prompt = tokensOf(model, format, request)
  say({ type: 'prompt', id, tokens: prompt.length })
  const room = contextLength - prompt.length
  if (prompt.length === 0) throw new Refusal('The prompt is empty. Send at least one word to go on from.', { field: 'prompt' })
  if (room < 1)
    throw new Refusal(
      `The prompt has ${prompt.length} tokens; the model sees ${contextLength} at once, with its answer. Send a shorter one.`,
      { field: 'messages' in request ? 'messages' : 'prompt', tokens: prompt.length, contextLength },
    )
  const mostTokens = Math.min(request.maxTokens ?? room, room)
  let generated = 0
  let firstSeconds: number | null = null
  const ended = (finishReason: FinishReason) => ({
    finishReason,
    tokens: { prompt: prompt.length, generated },
    firstSeconds,
  })
  const hurry = (): FinishReason | null => (cancelled.has(id) ? 'cancelled' : performance.now() > deadline ? 'time' : null)

  // Sums of a prompt that is gone on from differ in their last digits from those of one that is read anew.
  if (fresh) await sequence.clearHistory()
  else await sequence.adaptStateToTokens(prompt.slice(0, -1), false)
  let rest = prompt.slice(sequence.nextTokenIndex)
  while (rest.length > tokensPerLook) {
    const reason = hurry()
    if (reason) return ended(reason)
    await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, tokensPerLook))
    rest = rest.slice(tokensPerLook)
  }

  const text = untilStop(request.stop ?? [], (piece) => say({ type: 'text', id, text: piece }))
  const before = prompt.slice(-mostPendingTokens)
  const pending: Token[] = []
  const isStopped = (flush: boolean): boolean => {
    if (pending.length === 0) return false
    const piece = model.detokenize(pending, false, before)
    if (!flush && piece.endsWith('\ufffd') && pending.length < mostPendingTokens) return false
    before.push(...pending.splice(0))
    before.splice(0, Math.max(0, before.length - mostPendingTokens))
    return piece !== '' && text.push(piece)
  }
  let finishReason: FinishReason = hurry() ?? 'length'
  if (finishReason === 'length' && mostTokens > 0)
    for await (const token of sequence.evaluate(rest, {
      temperature: request.temperature ?? 0,
      topP: request.topP ?? 1,
      topK: request.topK ?? 0,
      minP: 0,
      ...(request.seed !== undefined && { seed: request.seed }),
      yieldEogToken: true,
    })) {
      firstSeconds ??= (performance.now() - began) / 1000
      if (model.isEogToken(token)) {
        finishReason = 'stop'
        break
      }
      generated++
      pending.push(token)
      if (isStopped(false)) {
        finishReason = 'stop'
        break
      }
      const reason = generated >= mostTokens ? 'length' : hurry()
      if (reason) {
        finishReason = reason
        break
      }
    }
  if (isStopped(true)) finishReason = 'stop'
  else text.end()
  return ended(finishReason)
}

function tokensOf(model: LlamaModel, format: ChatFormat | null, request: Prompt): Token[] {
  if ('prompt' in request) {
    const tokens = model.tokenize(request.prompt, false)
    const { bos, shouldPrependBosToken } = model.tokens
    return shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens
  }
  if (!format)
    throw new Refusal('This model has no chat template, so it takes no messages. Send a "prompt" to go on from.', {
      field: 'messages',
    })
  let parts: PromptPart[]
  try {
    parts = chatPrompt(request.messages, format)
  } catch (error) {
    throw new Refusal(`The chat template of the model cannot make a prompt of these messages: ${(error as Error).message}`, {
      field: 'messages',
    })
  }
  return parts.flatMap(({ text, steers }) => model.tokenize(text, steers))
}
