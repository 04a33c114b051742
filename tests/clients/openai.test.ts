/** The unmodified OpenAI client for Node against an Atoll. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import OpenAI from 'openai'
import { type OpenAiWorld, openAiWorld } from './openai-world.ts'

let w: OpenAiWorld
let client: OpenAI
before(async () => {
  w = await openAiWorld()
  client = new OpenAI({ baseURL: w.baseURL, apiKey: w.token, maxRetries: 0, timeout: 30_000 })
})
after(() => w.close())

const timeout = 60_000
const user = (content: string) => [{ role: 'user' as const, content }]

test('models are the endpoints that write or make vectors', { timeout }, async () => {
  const models = await client.models.list()
  assert.deepEqual(models.data.map(({ id }) => id).sort(), ['letters', 'sentences', 'unsure', 'words'])
  const one = await client.models.retrieve('letters')
  assert.deepEqual([one.id, one.object, one.owned_by], ['letters', 'model', 'Grace'])
  assert.ok(Math.abs(one.created - Date.now() / 1000) < 600)
  for (const absent of ['numbers', 'nothing', '../../v1/users'])
    await assert.rejects(client.models.retrieve(absent), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError, String(error))
      assert.deepEqual([error.code, error.param], ['model_not_found', 'model'])
      return true
    })
})

test('a chat is answered whole and in chunks, with what it took', { timeout }, async () => {
  const whole = await client.chat.completions.create({ model: 'letters', messages: user('hi'), temperature: 0, stop: ['m'] })
  const [choice] = whole.choices
  assert.deepEqual(choice!.message, { role: 'assistant', content: 'abcdefghijkl', refusal: null })
  assert.equal(choice!.finish_reason, 'stop')
  assert.equal(whole.object, 'chat.completion')
  assert.match(whole.id, /^chatcmpl-/)
  assert.deepEqual(whole.usage, { prompt_tokens: 21, completion_tokens: 13, total_tokens: 34 })

  const stream = await client.chat.completions.create({
    model: 'letters',
    messages: [{ role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] }, ...user('hi')],
    max_completion_tokens: 5,
    stream: true,
    stream_options: { include_usage: true },
  })
  const chunks: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  assert.ok(chunks.every(({ object, id }) => object === 'chat.completion.chunk' && id === chunks[0]!.id))
  assert.equal(chunks[0]!.choices[0]!.delta.role, 'assistant')
  assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), 'abcde')
  assert.deepEqual(chunks.flatMap(({ choices }) => choices.map(({ finish_reason }) => finish_reason)).filter(Boolean), ['length'])
  const last = chunks.at(-1)!
  assert.deepEqual([last.choices, last.usage!.completion_tokens], [[], 5])
  assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null))
})

test('several choices are several answers, and a seed gives them again', { timeout }, async () => {
  const ask = (seed: number) =>
    client.chat.completions.create({ model: 'unsure', messages: user('hi'), n: 3, seed, max_tokens: 12 })
  const texts = ({ choices }: Awaited<ReturnType<typeof ask>>) => choices.map(({ message }) => message.content)
  const [first, again, other] = [await ask(5), await ask(5), await ask(99)]
  assert.deepEqual(texts(first), texts(again))
  assert.notDeepEqual(texts(first), texts(other))
  assert.equal(new Set(texts(first)).size, 3)
  assert.equal(first.usage!.completion_tokens, 36)
  const streamed: string[] = []
  const stream = await client.chat.completions.create({
    model: 'unsure',
    messages: user('hi'),
    n: 3,
    seed: 5,
    max_tokens: 12,
    stream: true,
  })
  for await (const { choices } of stream)
    for (const { index, delta } of choices) streamed[index] = (streamed[index] ?? '') + (delta.content ?? '')
  assert.deepEqual(streamed, texts(first))
})

test('a completion goes on from texts, echoes them and streams', { timeout }, async () => {
  const several = await client.completions.create({
    model: 'letters',
    prompt: ['w', 'a'],
    max_tokens: 3,
    temperature: 0,
    echo: true,
  })
  assert.deepEqual(
    several.choices.map(({ index, text, finish_reason }) => [index, text, finish_reason]),
    [
      [0, 'wxyz', 'length'],
      [1, 'abcd', 'length'],
    ],
  )
  assert.deepEqual(several.usage, { prompt_tokens: 2, completion_tokens: 6, total_tokens: 8 })
  const stream = await client.completions.create({ model: 'letters', prompt: 'a', stream: true, temperature: 0 })
  let text = ''
  for await (const { choices } of stream) text += choices[0]!.text
  assert.equal(text, 'bcdefghijklmnopq', 'sixteen tokens where nothing is said')
})

test('tokens are gone on from as their text is, and the likeliest of several answers comes', { timeout }, async () => {
  const ask = (more: object) =>
    client.completions.create({ model: 'letters', prompt: [97, 98], max_tokens: 3, temperature: 0, ...more })
  assert.deepEqual((await ask({})).choices[0]!.text, 'cde')
  assert.deepEqual(
    (await ask({ echo: true, prompt: [[119], [97]] })).choices.map(({ text }) => text),
    ['wxyz', 'abcd'],
  )
  const { items } = await w.endpoints.listCaptures(w.by, 'letters', { limit: 1 })
  assert.deepEqual([items[0]!.row.prompt, items[0]!.prediction.text], ['a', 'bcd'])

  const unsure = { model: 'unsure', prompt: 'a', max_tokens: 6, temperature: 1, seed: 3 }
  const all = await client.completions.create({ ...unsure, n: 4, logprobs: 0 })
  const mean = ({ logprobs }: OpenAI.CompletionChoice) => logprobs!.token_logprobs!.reduce((sum, one) => sum + one!, 0)
  const ranked = [...all.choices].sort((a, b) => mean(b) - mean(a)).map(({ text }) => text)
  const best = await client.completions.create({ ...unsure, n: 2, best_of: 4 })
  assert.deepEqual(
    best.choices.map(({ text, logprobs }) => [text, logprobs]),
    ranked.slice(0, 2).map((text) => [text, null]),
  )
  assert.equal(best.usage!.completion_tokens, all.usage!.completion_tokens)
  for (const [more, param] of [
    [{ prompt: [1_000_000] }, 'prompt'],
    [{ prompt: ['a', [97]] }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [-1] }, 'prompt'],
    [{ n: 3, best_of: 2 }, 'best_of'],
    [{ best_of: 2, stream: true }, 'best_of'],
    [{ suffix: 'z' }, 'suffix'],
  ] as const)
    await assert.rejects(ask(more), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, String(error))
      assert.equal(error.param?.split(/[.[]/)[0], param, String(error))
      return true
    })
})

test('vectors of texts come as numbers or base64, shortened where asked', { timeout }, async () => {
  // The client itself asks for base64 and decodes it.
  const { data, usage } = await client.embeddings.create({ model: 'words', input: ['sun', 'fog'] })
  assert.deepEqual(
    data.map(({ index, embedding }) => [index, embedding]),
    [
      [0, [1, 0.25, -3, Math.fround(0.1)]],
      [1, [0, 0, 0, 0]],
    ],
  )
  assert.deepEqual(usage, { prompt_tokens: 0, total_tokens: 0 })
  const short = await client.embeddings.create({ model: 'words', input: 'sun', dimensions: 2, encoding_format: 'float' })
  const length = Math.hypot(1, 0.25)
  assert.deepEqual(short.data[0]!.embedding, [1 / length, 0.25 / length])
  for (const [body, param] of [
    [{ input: 'sun', dimensions: 5 }, 'dimensions'],
    [{ input: [] }, 'input'],
    [{ input: '' }, 'input'],
    [{ input: [1, 2] }, 'input'],
    [{ input: 'sun', model: 'letters' }, 'model'],
  ] as const)
    await assert.rejects(client.embeddings.create({ model: 'words', ...body } as never), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, String(error))
      assert.equal(error.param?.split(/[.[]/)[0], param, String(error))
      return true
    })
  const { items } = await w.endpoints.listCaptures(w.by, 'words', { limit: 10 })
  assert.deepEqual(items.at(-1)!.row, { word: 'sun' }, 'captured as any prediction')
})

test('a GGUF model that was made for it gives vectors of length 1, and counts tokens', { timeout }, async () => {
  const { data, usage } = await client.embeddings.create({ model: 'sentences', input: ['ab', 'ba', 'qrstu'] })
  const [ab, ba, other] = data.map(({ embedding }) => embedding) as [number[], number[], number[]]
  for (const vector of [ab, ba, other]) {
    assert.equal(vector.length, 64)
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6)
  }
  const near = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  // The network for tests takes the mean of its tokens, whatever their order.
  assert.ok(near(ab, ba) > 0.999 && near(ab, other) < 0.6, `${near(ab, ba)} ${near(ab, other)}`)
  assert.deepEqual(usage, { prompt_tokens: 9, total_tokens: 9 })
  await assert.rejects(client.embeddings.create({ model: 'sentences', input: ['a', 'a'.repeat(300)] }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError, String(error))
    assert.equal(error.code, 'context_length_exceeded')
    return true
  })
  await assert.rejects(client.chat.completions.create({ model: 'sentences', messages: user('hi') }), OpenAI.BadRequestError)
  assert.ok((await w.endpoints.metrics(w.by, 'sentences', 600)).requests >= 2)
})

test('what cannot be honoured is refused by its name, in words of the API', { timeout }, async () => {
  const chat = (body: object) => client.chat.completions.create({ model: 'letters', messages: user('hi'), ...body } as never)
  for (const [body, param] of [
    [{ n: 100 }, 'n'],
    [{ temperature: -1 }, 'temperature'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ reasoning_effort: 'high' }, 'reasoning_effort'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ no_such_thing: 1 }, 'no_such_thing'],
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] }, 'messages'],
    [{ store: true }, 'store'],
  ] as const)
    await assert.rejects(chat(body), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, String(error))
      assert.equal(error.param?.split(/[.[]/)[0], param, String(error))
      assert.equal(error.type, 'invalid_request_error')
      return true
    })
  await assert.rejects(chat({ messages: user('a'.repeat(9000)) }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError, String(error))
    assert.equal(error.code, 'context_length_exceeded')
    return true
  })
  await assert.rejects(chat({ model: 'words' }), OpenAI.BadRequestError)
  await assert.rejects(chat({ model: 'nothing' }), OpenAI.NotFoundError)
  const stranger = new OpenAI({ baseURL: w.baseURL, apiKey: 'atoll_pat_wrong', maxRetries: 0 })
  await assert.rejects(stranger.models.list(), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError, String(error))
    assert.equal(error.code, 'invalid_api_key')
    return true
  })
})

test('somebody else’s endpoint is as none, and a call is captured and counted as any other', { timeout }, async () => {
  const outsider = new OpenAI({ baseURL: w.baseURL, apiKey: await w.tokenOf(await w.person('Mallory', null)), maxRetries: 0 })
  assert.deepEqual((await outsider.models.list()).data, [])
  for (const call of [
    () => outsider.models.retrieve('letters'),
    () => outsider.chat.completions.create({ model: 'letters', messages: user('hi') }),
    () => outsider.completions.create({ model: 'letters', prompt: 'a' }),
    () => outsider.embeddings.create({ model: 'words', input: 'sun' }),
  ])
    await assert.rejects(call(), OpenAI.NotFoundError)
  const { requests } = await w.endpoints.metrics(w.by, 'letters', 600)
  await client.chat.completions.create({ model: 'letters', messages: user('count me'), max_tokens: 2 })
  assert.equal((await w.endpoints.metrics(w.by, 'letters', 600)).requests, requests + 1)
  const { items } = await w.endpoints.listCaptures(w.by, 'letters', { limit: 1 })
  assert.deepEqual(items[0]!.row, { prompt: [{ role: 'user', content: 'count me' }] })
})

test('the same routes answer at the root, where the models stay the registry’s', { timeout }, async () => {
  const root = new OpenAI({ baseURL: `${w.origin}/v1`, apiKey: w.token, maxRetries: 0 })
  const { choices } = await root.chat.completions.create({ model: 'letters', messages: user('x'), temperature: 0, max_tokens: 3 })
  assert.equal(choices[0]!.message.content, 'abc')
  assert.equal((await root.embeddings.create({ model: 'words', input: 'rain' })).data[0]!.embedding[1], 1)
})
