import type { LlamaGrammarEvaluationState, SequenceEvaluateOptions, Token } from 'node-llama-cpp'
import { callReader } from './calls/reader.ts'
import { echo } from './echo.ts'
import type { FinishReason, Likelihood } from './language.ts'
import { likelihoodOf } from './likelihoods.ts'
import { type Opened, Refusal } from './opened.ts'
import { promptTokens } from './prompt-tokens.ts'
import type { Said, Told } from './protocol.ts'
import { untilStop } from './stop-texts.ts'
import { tokenWeights } from './token-weights.ts'

/** Between so many tokens of a prompt it is looked whether anybody still waits. */
const tokensPerLook = 256
/** A character has four bytes at most; some tokens are parts of one. */
const mostPendingTokens = 8

interface Talk {
  say(said: Said): void
  isCancelled(): boolean
}

/** Writes one answer, token by token: text, and calls where it asks for them. */
export async function writeAnswer(opened: Opened, told: Told & { type: 'generate' }, { say, isCancelled }: Talk) {
  const { model, sequence, contextLength, format, llama, llamaCpp } = opened
  const { id, request, fresh, deadlineMs } = told
  const { prompt: asked, sampling, calls } = request
  const began = performance.now()
  const deadline = began + deadlineMs
  const prompt = promptTokens(model, format, asked)
  say({ type: 'prompt', id, tokens: prompt.length })
  const room = contextLength - prompt.length
  if (prompt.length === 0) throw new Refusal('The prompt is empty. Send at least one word to go on from.', { field: 'prompt' })
  if (room < 1)
    throw new Refusal(
      `The prompt has ${prompt.length} tokens; the model sees ${contextLength} at once, with its answer. Send a shorter one.`,
      { field: 'messages' in asked ? 'messages' : 'prompt', tokens: prompt.length, contextLength },
    )
  const mostTokens = Math.min(sampling.maxTokens ?? room, room)
  const top = sampling.topLogprobs
  const written: Token[] = []
  const weights = tokenWeights(opened, sampling)
  const write = (...tokens: Token[]) => {
    written.push(...tokens)
    weights.wrote(tokens)
  }
  let firstSeconds: number | null = null
  const ended = (finishReason: FinishReason) => ({
    finishReason,
    tokens: { prompt: prompt.length, generated: written.length },
    firstSeconds,
    ...('prompt' in asked && typeof asked.prompt !== 'string' && { prompt: model.detokenize(prompt, true) }),
  })
  const hurry = (): FinishReason | null => (isCancelled() ? 'cancelled' : performance.now() > deadline ? 'time' : null)
  const stateOf = async (grammar: string): Promise<LlamaGrammarEvaluationState> =>
    new llamaCpp.LlamaGrammarEvaluationState({ model, grammar: await llama.createGrammar({ grammar }) })
  const options: SequenceEvaluateOptions = {
    temperature: sampling.temperature ?? 0,
    topP: sampling.topP ?? 1,
    topK: sampling.topK ?? 0,
    minP: 0,
    ...(sampling.seed !== undefined && { seed: sampling.seed }),
    ...(weights.tokenBias && { tokenBias: weights.tokenBias }),
    yieldEogToken: true,
  }

  /** Reads what the context does not hold yet, but for the last tokens, and answers those. */
  async function read(tokens: Token[], anew = false): Promise<Token[] | FinishReason> {
    // Sums of a prompt that is gone on from differ in their last digits from those of one that is read anew.
    if (anew) await sequence.clearHistory()
    else await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
    let rest = tokens.slice(sequence.nextTokenIndex)
    while (rest.length > tokensPerLook) {
      const reason = hurry()
      if (reason) return reason
      await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, tokensPerLook))
      rest = rest.slice(tokensPerLook)
    }
    return rest
  }

  /** The tokens that follow, each with its likelihood where that is asked for. */
  async function* following(rest: Token[], grammar: LlamaGrammarEvaluationState | null, withLikelihoods: boolean) {
    const how = { ...options, ...(grammar && { grammarEvaluationState: grammar }) }
    if (!withLikelihoods) {
      for await (const token of sequence.evaluate(rest, how)) yield { token, likelihood: null }
      return
    }
    const wanted = { confidence: true, probabilities: top! > 0 } as const
    for await (const one of sequence.evaluateWithMetadata(rest, wanted, how))
      yield { token: one.token, likelihood: likelihoodOf(model, one.token, { ...one, top: top! }) }
  }

  /** Writes until an end, passing on whole characters; `take` may say that it is enough. */
  async function run(
    rest: Token[],
    grammar: LlamaGrammarEvaluationState | null,
    take: (piece: string, likelihoods: Likelihood[]) => FinishReason | null,
    before: Token[],
    withLikelihoods: boolean,
  ): Promise<FinishReason> {
    const pending: Token[] = []
    const likelihoods: Likelihood[] = []
    const flush = (isEnd: boolean): FinishReason | null => {
      if (pending.length === 0) return null
      const piece = model.detokenize(pending, false, before)
      if (!isEnd && piece.endsWith('\ufffd') && pending.length < mostPendingTokens) return null
      before.push(...pending.splice(0))
      before.splice(0, Math.max(0, before.length - mostPendingTokens))
      return piece === '' ? null : take(piece, likelihoods.splice(0))
    }
    let reason: FinishReason | null = hurry() ?? (written.length >= mostTokens ? 'length' : null)
    if (!reason)
      for await (const { token, likelihood } of following(rest, grammar, withLikelihoods)) {
        firstSeconds ??= (performance.now() - began) / 1000
        if (model.isEogToken(token)) {
          reason = 'stop'
          break
        }
        write(token)
        pending.push(token)
        if (likelihood) likelihoods.push(likelihood)
        reason = flush(false) ?? (written.length >= mostTokens ? 'length' : hurry())
        if (reason) break
      }
    return flush(true) ?? reason ?? 'length'
  }

  async function writeCalls(context: Token[]): Promise<FinishReason> {
    const { syntax, grammar, parallel } = calls!
    const begin = model.tokenize(syntax.begin, true)
    // What is given to it counts as written: it would have had to write it.
    if (written.length + begin.length > mostTokens) return 'length'
    write(...begin)
    const rest = await read([...context, ...begin])
    if (typeof rest === 'string') return rest
    const reader = callReader(syntax, (piece) => say({ type: 'call', id, ...piece }))
    const take = (piece: string): FinishReason | null => {
      reader.push(piece)
      return reader.whole > 0 && !parallel ? 'calls' : null
    }
    const reason = await run(rest, await stateOf(grammar), take, begin.slice(-mostPendingTokens), false)
    // An end within the text after a call is the end of what was asked.
    return reason === 'stop' || (reason === 'length' && reader.whole > 0 && reader.isBetween) ? 'calls' : reason
  }

  const rest =
    sampling.echo && 'prompt' in asked
      ? await echo(
          opened,
          { prompt, asked: asked.prompt, top },
          {
            read: () => read(prompt, fresh),
            hurry,
            say: (text, likelihoods) => say({ type: 'text', id, text, ...(likelihoods && { likelihoods }) }),
          },
        )
      : await read(prompt, fresh)
  if (typeof rest === 'string') return ended(rest)
  if (mostTokens === 0) return ended(hurry() ?? 'length')
  if (calls?.isForced) return ended(await writeCalls(prompt))

  let decoded = ''
  const stops = sampling.stop ?? []
  const withCalls = calls ? [...stops, calls.syntax.trigger] : stops
  let mayCall = calls !== null
  const ends = (): readonly string[] => {
    if (mayCall && calls!.syntax.onlyFirst) mayCall = calls!.syntax.trigger.startsWith(decoded.trim())
    return mayCall ? withCalls : stops
  }
  let known: { end: number; likelihood: Likelihood }[] = []
  let passed = 0
  const text = untilStop(ends, (piece) => {
    passed += piece.length
    const shown = known.filter(({ end }) => end <= passed).map(({ likelihood }) => likelihood)
    known = known.slice(shown.length)
    say({ type: 'text', id, text: piece, ...(shown.length > 0 && { likelihoods: shown }) })
  })
  let isCall = false
  const withLikelihoods = top !== undefined
  let groupEnd = 0
  const starts: { at: number; from: number }[] = []
  const finishReason = await run(
    rest,
    request.grammar === null ? null : await stateOf(request.grammar),
    (piece, likelihoods) => {
      starts.push({ at: decoded.length, from: starts.length === 0 ? 0 : groupEnd })
      groupEnd = written.length
      decoded += piece
      known.push(...likelihoods.map((likelihood) => ({ end: decoded.length, likelihood })))
      const found = text.push(piece)
      isCall = found !== null && found === calls?.syntax.trigger && !stops.includes(found)
      return found === null ? null : 'stop'
    },
    prompt.slice(-mostPendingTokens),
    withLikelihoods,
  )
  if (isCall) {
    // The tokens up to the one that the call begins in are kept; what that one says before the call is read again.
    const at = decoded.indexOf(calls!.syntax.trigger)
    const group = starts.findLast((one) => one.at <= at)!
    const kept = written.slice(0, group.from)
    const prefix = model.tokenize(decoded.slice(group.at, at), false)
    weights.tookBack(written.splice(group.from))
    write(...prefix)
    return ended(await writeCalls([...prompt, ...kept, ...prefix]))
  }
  text.end()
  return ended(finishReason)
}
