import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as llamaCpp from 'node-llama-cpp'
import type { Sampling } from './language.ts'
import type { Said } from './protocol.ts'
import { alphabetModel } from './testing.ts'
import { writeAnswer } from './write-answer.ts'

test('a token late in a long answer takes no more of us than an early one', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-long-answer-test-'))
  await writeFile(join(folder, 'model.gguf'), alphabetModel({ contextLength: 2048 }))
  const llama = await llamaCpp.getLlama({ gpu: false, build: 'never', skipDownload: true, maxThreads: 1 })
  try {
    const model = await llama.loadModel({ modelPath: join(folder, 'model.gguf'), gpuLayers: 0 })
    const context = await model.createContext({ contextSize: 2048, threads: 1, batchSize: 64, ignoreMemorySafetyChecks: true })
    const sequence = context.getSequence()

    /** Tokens and characters that pass between us and the library, and out of the process, for an answer of so many tokens. */
    async function workOf(maxTokens: number, sampling: Partial<Sampling>): Promise<number> {
      let work = 0
      const counting = {
        isEogToken: (token: llamaCpp.Token) => model.isEogToken(token),
        tokenize: (...asked: Parameters<typeof model.tokenize>) => model.tokenize(...asked),
        detokenize(...[tokens, special, last]: Parameters<typeof model.detokenize>) {
          work += tokens.length + (last?.length ?? 0)
          return model.detokenize(tokens, special, last)
        },
        tokens: model.tokens,
        tokenizer: model.tokenizer,
        fileInfo: model.fileInfo,
      } as typeof model
      const watched = new Proxy(sequence, {
        get(of, name) {
          const value: unknown = Reflect.get(of, name, of)
          if (name !== 'evaluate' && name !== 'evaluateWithMetadata') return typeof value === 'function' ? value.bind(of) : value
          return async function* (...asked: [unknown, ...Record<string, unknown>[]]) {
            const how = asked.at(-1) as llamaCpp.SequenceEvaluateOptions
            const punished = how.repeatPenalty?.punishTokens
            for await (const one of Reflect.apply(value as never, of, asked) as AsyncIterable<unknown>) {
              const biases = (how.tokenBias as unknown as { _biases?: Map<unknown, unknown> })?._biases
              work += (biases?.size ?? 0) + (typeof punished === 'function' ? punished().length : 0)
              yield one
            }
          }
        },
      })
      const said: Said[] = []
      const { finishReason, tokens } = await writeAnswer(
        { llamaCpp, llama, model: counting, sequence: watched, contextLength: 2048, format: null },
        {
          type: 'generate',
          id: 1,
          // What comes after "=" leads back to "=", for ever.
          request: { prompt: { prompt: '0' }, sampling: { maxTokens, ...sampling }, grammar: null, calls: null },
          fresh: true,
          deadlineMs: 30_000,
        },
        { say: (one) => said.push(one), isCancelled: () => false },
      )
      assert.deepEqual([finishReason, tokens.generated], ['length', maxTokens])
      return work + JSON.stringify(said).length
    }

    for (const sampling of [
      { stop: ['nothing like it', '012x'] },
      { topLogprobs: 2 },
      { frequencyPenalty: 0.001, presencePenalty: 0.001 },
    ]) {
      const [short, long] = [await workOf(100, sampling), await workOf(800, sampling)]
      assert.ok(long < 9 * short, `${JSON.stringify(sampling)}: ${short} for 100 tokens, ${long} for 800`)
    }
  } finally {
    await llama.dispose()
    await rm(folder, { recursive: true })
  }
})
