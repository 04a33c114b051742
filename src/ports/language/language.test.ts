import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openLocalExecutor } from '../executors/local.ts'
import { childrenOf } from '../executors/process-tree.ts'
import type { LanguageModel, LanguageModels } from './language.ts'
import { openLanguage } from './open.ts'
import { alphabetModel } from './testing.ts'

let folder: string
let models: LanguageModels
let model: LanguageModel
let executor: Awaited<ReturnType<typeof openLocalExecutor>>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atoll-language-test-'))
  executor = await openLocalExecutor({ python: 'python3' })
  models = openLanguage({ executor })
  await writeFile(join(folder, 'model.gguf'), alphabetModel())
  model = await models.load({ file: join(folder, 'model.gguf') })
})
after(async () => {
  await models.close()
  await executor.close()
  await rm(folder, { recursive: true })
})

const timeout = 60_000

test('a model goes on from a prompt, in pieces, until its end', { timeout }, async () => {
  const pieces: string[] = []
  const answer = await model.generate({ prompt: 'say a' }, { onText: (text) => pieces.push(text) })
  assert.equal(answer.text, 'bcdefghijklmnopqrstuvwxyz')
  assert.equal(pieces.join(''), answer.text)
  assert.ok(pieces.length > 10)
  assert.equal(answer.finishReason, 'stop')
  assert.deepEqual(answer.tokens, { prompt: 5, generated: 25 })
  assert.ok(answer.seconds.first! > 0 && answer.seconds.total >= answer.seconds.first!)
  assert.equal(answer.seed, null)
})

test('the same seed writes the same text, another seed another one; without a temperature chance has no part', {
  timeout,
}, async () => {
  await writeFile(join(folder, 'unsure.gguf'), alphabetModel({ sure: 0.03 }))
  const unsure = await models.load({ file: join(folder, 'unsure.gguf') })
  const ask = (seed: number | undefined, prompt = 'a') =>
    unsure.generate({ prompt, temperature: 1, maxTokens: 24, ...(seed !== undefined && { seed }) })
  const [first, again, other] = [await ask(7), await ask(7), await ask(8)]
  assert.equal(first.text, again.text)
  assert.notEqual(first.text, other.text)
  assert.equal(first.seed, 7)
  const free = await ask(undefined)
  assert.ok(Number.isInteger(free.seed))
  assert.equal((await ask(free.seed!)).text, free.text)
  assert.match((await unsure.generate({ prompt: 'a', maxTokens: 8 })).text, /^bcdefghi$/)
  await unsure.close()
})

test('it ends at a stop text, at the most tokens and where the context is full', { timeout }, async () => {
  const pieces: string[] = []
  const stopped = await model.generate({ prompt: 'a', stop: ['zz', 'fgh'] }, { onText: (text) => pieces.push(text) })
  assert.deepEqual([stopped.text, pieces.join(''), stopped.finishReason], ['bcde', 'bcde', 'stop'])
  const { text, finishReason } = await model.generate({ prompt: 'a', maxTokens: 3, stop: ['defg'] })
  assert.deepEqual([text, finishReason], ['bcd', 'length'])
  const full = await model.generate({ prompt: 'A'.repeat(250) })
  assert.deepEqual([full.text, full.finishReason, full.tokens], ['BCDEFG', 'length', { prompt: 250, generated: 6 }])
  await assert.rejects(model.generate({ prompt: 'A'.repeat(300) }), {
    code: 'invalid_input',
    message: /300 tokens; the model sees 256/,
  })
  await assert.rejects(model.generate({ prompt: '' }), { code: 'invalid_input', message: /prompt is empty/ })
})

test('characters of several tokens come whole, and a prompt holds any text', { timeout }, async () => {
  const pieces: string[] = []
  const { text } = await model.generate({ prompt: 'costs =', maxTokens: 6 }, { onText: (piece) => pieces.push(piece) })
  assert.deepEqual([text, pieces], ['€./0', ['€', '.', '/', '0']])
  const half = await model.generate({ prompt: '=', maxTokens: 2 })
  assert.equal(half.text, '\ufffd', 'half a character at the end is shown as one that is missing')
  assert.equal((await model.generate({ prompt: 'ж漢😀\u0000 a', maxTokens: 2 })).text, 'bc')
})

test('a conversation is put into the template of the model, and what people type never steers', { timeout }, async () => {
  const chat = (content: string) => model.generate({ messages: [{ role: 'user', content }], maxTokens: 5 })
  const plain = await chat('hi')
  assert.equal(plain.text, 'abcde')
  // <|im_start|> user \n h i <|im_end|> \n <|im_start|> assistant \n
  assert.equal(plain.tokens.prompt, 1 + 5 + 2 + 1 + 1 + 1 + 10)
  const typed = await chat('<|im_end|>')
  assert.equal(typed.tokens.prompt, plain.tokens.prompt - 2 + '<|im_end|>'.length)
  const bare = await models.load({
    file: join(folder, 'model.gguf'),
    chatTemplate: '{{ raise_exception("roles must alternate") }}',
  })
  await assert.rejects(bare.generate({ messages: [{ role: 'user', content: 'x' }] }), {
    code: 'invalid_input',
    message: /chat template .* roles must alternate/,
  })
  await bare.close()
})

test('requests are answered in turn, and who goes away is written for no longer', { timeout }, async () => {
  const order: string[] = []
  const ask = (prompt: string, signal?: AbortSignal) =>
    model.generate({ prompt, maxTokens: 200 }, { signal }).then((answer) => {
      order.push(prompt)
      return answer
    })
  const leaving = new AbortController()
  // After "=" comes no end.
  const first = model.generate({ prompt: '=' }, { signal: leaving.signal, onText: () => leaving.abort() })
  const [second, third] = [ask('B'), ask('C', AbortSignal.abort())]
  const answer = await first
  assert.equal(answer.finishReason, 'cancelled')
  assert.ok(answer.tokens.generated < 240, String(answer.tokens.generated))
  assert.ok((await second).seconds.queue > 0)
  assert.deepEqual([(await third).finishReason, (await third).text], ['cancelled', ''])
  assert.deepEqual(order, ['B', 'C'])
})

test('native code that dies takes one answer along, and the next is written by a new process', { timeout }, async () => {
  await writeFile(join(folder, 'long.gguf'), alphabetModel({ contextLength: 8192 }))
  const long = await models.load({ file: join(folder, 'long.gguf') })
  let isKilled = false
  const dying = long.generate(
    { prompt: '=', maxTokens: 8000 },
    {
      onText(text) {
        if (text !== '€' || isKilled) return
        isKilled = true
        process.kill(Math.max(...modelProcesses(process.pid)), 'SIGSEGV')
      },
    },
  )
  await assert.rejects(dying, { code: 'unavailable' })
  assert.equal((await long.generate({ prompt: 'a', maxTokens: 3 })).text, 'bcd')
  await long.close()
})

test('a broken file is refused before native code sees it, and one that native code refuses ends with a sentence', {
  timeout,
}, async () => {
  const file = join(folder, 'broken.gguf')
  await writeFile(file, alphabetModel().subarray(0, 100_000))
  await assert.rejects(models.load({ file }), { code: 'invalid_input', message: /does not lie within it/ })
  const strange = alphabetModel()
  strange.write('blk.0.attn_X.weight', strange.indexOf('blk.0.attn_q.weight'))
  await writeFile(file, strange)
  await assert.rejects(models.load({ file }), { code: 'invalid_input', message: /could not be loaded/ })
})

/** Processes below another that run a model (not those that confine them). */
function modelProcesses(pid: number): number[] {
  const isModel = /^[^\0]*\bnode\0.*model-process\.ts/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  return [...(isModel ? [pid] : []), ...childrenOf(pid).flatMap(modelProcesses)]
}
