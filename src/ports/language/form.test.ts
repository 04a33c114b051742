import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { openLocalExecutor } from '../executors/local.ts'
import type { JsonSchema } from './grammar/json-schema.ts'
import type { CallPiece, LanguageModel, LanguageModels, Tool } from './language.ts'
import { openLanguage } from './open.ts'
import { alphabetModel } from './testing.ts'

let folder: string
let models: LanguageModels
let unsure: LanguageModel
let sure: LanguageModel
let executor: Awaited<ReturnType<typeof openLocalExecutor>>

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atoll-form-test-'))
  executor = await openLocalExecutor({ python: 'python3' })
  models = openLanguage({ executor })
  await writeFile(join(folder, 'unsure.gguf'), alphabetModel({ sure: 0.005, contextLength: 4096 }))
  await writeFile(join(folder, 'sure.gguf'), alphabetModel({ contextLength: 4096 }))
  unsure = await models.load({ file: join(folder, 'unsure.gguf') })
  sure = await models.load({ file: join(folder, 'sure.gguf') })
})
after(async () => {
  await models.close()
  await executor.close()
  await rm(folder, { recursive: true })
})

const timeout = 60_000
const messages = [{ role: 'user' as const, content: 'hi' }]
const ajv = new Ajv2020({ strict: false })
addFormats.default(ajv)

const person: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 6, description: 'who "it" is' },
    age: { type: 'integer', minimum: 7, maximum: 1203 },
    share: { type: 'number', minimum: -2, exclusiveMaximum: 1 },
    kind: { enum: ['a"b\\c', 'é€😀', 3, null, { deep: [1] }] },
    when: { type: 'string', format: 'date-time' },
    id: { type: 'string', format: 'uuid' },
    mail: { type: 'string', format: 'email' },
    tags: { type: 'array', items: { type: 'string', minLength: 2, maxLength: 3 }, minItems: 1, maxItems: 3 },
    pair: { type: 'array', prefixItems: [{ type: 'boolean' }, { type: 'null' }], items: false },
  },
  required: ['name', 'age', 'share', 'kind', 'when', 'id', 'mail', 'tags', 'pair'],
  additionalProperties: false,
}

const schemas: JsonSchema[] = [
  person,
  { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'null' }, c: { type: 'boolean' } }, required: ['b'] },
  { type: 'object', properties: { a: { type: 'boolean' }, b: { type: 'boolean' }, c: { type: 'boolean' } } },
  { anyOf: [{ type: 'integer', exclusiveMinimum: -130, maximum: -5 }, { const: 'x' }, { type: ['boolean', 'null'] }] },
  {
    oneOf: [
      { properties: { k: { const: 'a' } }, required: ['k'] },
      { properties: { k: { const: 'b' }, n: { type: 'integer' } }, required: ['k', 'n'] },
    ],
  },
  {
    $defs: {
      node: {
        type: 'object',
        properties: { v: { type: 'integer', minimum: 0 }, next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } },
        required: ['v', 'next'],
      },
    },
    $ref: '#/$defs/node',
  },
  { type: 'object', additionalProperties: { type: 'integer', minimum: 0, maximum: 9 }, minProperties: 1, maxProperties: 2 },
  { type: 'number', exclusiveMinimum: 0, maximum: 1 },
  { type: 'number', minimum: -100, maximum: -99 },
  { type: 'array', items: {}, maxItems: 0 },
  { type: 'string', enum: ['yes', 'no', 4] },
  { type: 'object', properties: {}, additionalProperties: false },
]

test('what is held to a schema fits it, whatever the model would rather write', { timeout }, async () => {
  let whole = 0
  for (const schema of schemas) {
    const fits = ajv.compile(schema)
    for (let seed = 0; seed < 2; seed++) {
      const request = { messages, format: { type: 'schema' as const, schema }, maxTokens: 1500 }
      const { text, finishReason } = await unsure.generate(seed === 0 ? request : { ...request, temperature: 1, seed })
      if (finishReason === 'length') continue
      const value = JSON.parse(text)
      assert.ok(fits(value), `${text} ${JSON.stringify(fits.errors)}`)
      whole++
    }
  }
  assert.ok(whole > schemas.length, `${whole} were written to their end`)
})

test('any JSON object is one, and a model that is sure of something else writes one too', { timeout }, async () => {
  let whole = 0
  for (let seed = 1; seed < 6; seed++) {
    const { text, finishReason } = await unsure.generate({
      messages,
      format: { type: 'json' },
      temperature: 1,
      seed,
      maxTokens: 900,
    })
    if (finishReason === 'length') continue
    assert.equal(Object.getPrototypeOf(JSON.parse(text)), Object.prototype)
    whole++
  }
  assert.ok(whole >= 3, `${whole}`)
  const { text } = await sure.generate({
    messages,
    format: {
      type: 'schema',
      schema: { type: 'object', properties: { text: { type: 'string', maxLength: 30 } }, required: ['text'] },
    },
  })
  assert.match(JSON.parse(text).text, /^#\$%&/)
})

const tools: Tool[] = [
  {
    name: 'weather',
    description: 'of a place',
    parameters: {
      type: 'object',
      properties: { place: { type: 'string', maxLength: 8 }, days: { type: 'integer', minimum: 1, maximum: 14 } },
      required: ['place', 'days'],
    },
    strict: true,
  },
  { name: 'now' },
]
const fitsWeather = ajv.compile(tools[0]!.parameters!)

/** Templates as models have them, so short that a test can read them. */
const templates = {
  none: "{% for m in messages %}{{ m.role + ':' + m.content + '\n' }}{% endfor %}",
  tagged:
    '{% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{{ "\\n" }}{% endfor %}',
  list: '{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}{# [TOOL_CALLS] #}\n',
  bare: '{% if tools %}Answer {"name": …, "parameters": …}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}',
}

test('calls that are asked for name a tool and have its arguments, in the syntax of each kind of model', {
  timeout,
}, async () => {
  let several = 0
  for (const [name, chatTemplate] of Object.entries(templates)) {
    const model = await models.load({ file: join(folder, 'unsure.gguf'), chatTemplate })
    const pieces: CallPiece[] = []
    for (let seed = 1; seed <= 2; seed++) {
      const answer = await model.generate(
        { messages, tools, toolChoice: 'required', temperature: 1, seed, maxTokens: 700 },
        { onCall: (piece) => pieces.push({ ...piece, index: piece.index + 100 * seed }) },
      )
      assert.equal(answer.finishReason, 'calls', name)
      assert.equal(answer.text, '')
      const calls = answer.calls!
      assert.ok(calls.length >= 1)
      if (calls.length > 1) several++
      for (const [i, call] of calls.entries()) {
        assert.match(call.id, /^call_[0-9a-f]{24}$/)
        const given = JSON.parse(call.arguments)
        if (call.name === 'weather') assert.ok(fitsWeather(given), call.arguments)
        else assert.deepEqual([call.name, given], ['now', {}])
        const own = pieces.filter(({ index }) => index === i + 100 * seed)
        assert.deepEqual([own[0]!.id, own[0]!.name], [call.id, call.name])
        assert.equal(own.map((piece) => piece.arguments ?? '').join(''), call.arguments)
      }
    }
    const one = await model.generate({ messages, tools, toolChoice: { name: 'now' }, parallelCalls: false })
    assert.deepEqual(
      one.calls!.map((call) => [call.name, call.arguments]),
      [['now', '{}']],
    )
    await model.close()
  }
  assert.ok(several > 0, 'several at once')
})

test('a model that decides by itself to call is held to the grammar from there on; one that does not writes text', {
  timeout,
}, async () => {
  const caller = join(folder, 'caller.gguf')
  // After a line break it says "ab", then begins a call.
  await writeFile(
    caller,
    alphabetModel({ contextLength: 2048, words: ['<tool_call>'], after: { b: '<tool_call>', '<tool_call>': 'q' } }),
  )
  const model = await models.load({ file: caller, chatTemplate: templates.tagged })
  const said: string[] = []
  const answer = await model.generate({ messages, tools }, { onText: (text) => said.push(text) })
  assert.deepEqual([answer.text, said.join(''), answer.finishReason], ['ab', 'ab', 'calls'])
  assert.ok(answer.calls!.length >= 1)
  const silent = await model.generate({ messages, tools, toolChoice: 'none', maxTokens: 4 })
  assert.deepEqual([silent.text, silent.calls, silent.finishReason], ['ab<tool_call>q', undefined, 'length'])
  await model.close()
  const plain = await sure.generate({ messages, tools, stop: ['g'] })
  assert.deepEqual([plain.text, plain.calls, plain.finishReason], ['abcdef', [], 'stop'])
})

test('likelihoods are told of each token, and are those of the model', { timeout }, async () => {
  const pieces: number[] = []
  const { text, logprobs } = await unsure.generate(
    { prompt: 'a', maxTokens: 5, topLogprobs: 3 },
    { onText: (_, likelihoods) => pieces.push(likelihoods?.length ?? 0) },
  )
  assert.equal(logprobs!.length, 5)
  assert.equal(logprobs!.map((one) => one.text).join(''), text)
  assert.deepEqual(pieces, [1, 1, 1, 1, 1])
  for (const one of logprobs!) {
    assert.equal(one.top.length, 3)
    assert.ok(Math.abs(one.logprob! - one.top[0]!.logprob) < 1e-6, 'the likeliest was taken')
    assert.ok(one.logprob! < 0 && one.top[0]!.logprob >= one.top[1]!.logprob)
    assert.deepEqual(one.bytes, [...Buffer.from(one.text)])
  }
  const stopped = await sure.generate({ prompt: 'a', stop: ['ef'], topLogprobs: 0 })
  assert.deepEqual([stopped.text, stopped.logprobs!.map((one) => one.text).join('')], ['bcd', 'bcd'])
  const parts = await sure.generate({ prompt: '=', maxTokens: 4, topLogprobs: 1 })
  assert.deepEqual([parts.text, parts.logprobs!.map(({ bytes }) => bytes)], ['€.', [null, null, null, [46]]])
})

test('tokens are made likelier or impossible, and what was said is said less', { timeout }, async () => {
  const d = 'd'.charCodeAt(0)
  const { text } = await sure.generate({ prompt: 'a', maxTokens: 4, bias: { [d]: -100 } })
  assert.match(text, /^bc[^d]/)
  const z = 'z'.charCodeAt(0)
  assert.equal((await sure.generate({ prompt: 'a', maxTokens: 3, bias: { [z]: 100 } })).text, 'zzz')
  const often = await sure.generate({ prompt: 'a', maxTokens: 12, bias: { [z]: 100 }, frequencyPenalty: 2, presencePenalty: 2 })
  assert.equal(often.text, 'z'.repeat(12), 'a hundred is more than twelve times two')
  const less = await sure.generate({ prompt: 'a', maxTokens: 12, bias: { [z]: 90 }, presencePenalty: 2, frequencyPenalty: 2 })
  assert.notEqual(less.text.replaceAll('z', ''), undefined)
  await assert.rejects(sure.generate({ prompt: 'a', bias: { 99999: 1 } }), { code: 'invalid_input', message: /no token 99999/ })
})
