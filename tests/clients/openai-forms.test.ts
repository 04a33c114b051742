/** Tool calls, JSON and log-probabilities through the unmodified OpenAI client for Node. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
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
const messages = [{ role: 'user' as const, content: 'hi' }]
const parameters = {
  type: 'object',
  properties: { place: { type: 'string', maxLength: 8 }, unit: { enum: ['C', 'F'] } },
  required: ['place', 'unit'],
  additionalProperties: false,
}
const tools: OpenAI.ChatCompletionTool[] = [
  { type: 'function', function: { name: 'weather', description: 'of a place', parameters, strict: true } },
]
const fits = new Ajv2020({ strict: false }).compile(parameters)

test('a call that is required fits its schema, whole and streamed', { timeout }, async () => {
  for (let seed = 0; seed < 4; seed++) {
    const ask = { model: 'unsure', messages, tools, tool_choice: 'required', seed, max_tokens: 900 } as const
    const whole = await client.chat.completions.create(ask)
    const { message, finish_reason } = whole.choices[0]!
    assert.equal(finish_reason, 'tool_calls')
    assert.equal(message.content, null)
    for (const call of message.tool_calls!) {
      assert.ok(call.type === 'function' && call.function.name === 'weather')
      assert.ok(fits(JSON.parse(call.function.arguments)), call.function.arguments)
    }
    // The client's own helper puts the pieces together.
    const final = await client.chat.completions.stream(ask).finalChatCompletion()
    const calls = (from: typeof message) =>
      from.tool_calls!.map((call) => call.type === 'function' && [call.function.name, call.function.arguments])
    assert.deepEqual(calls(final.choices[0]!.message), calls(message))
    assert.equal(final.choices[0]!.finish_reason, 'tool_calls')
  }
  const named = await client.chat.completions.create({
    model: 'unsure',
    messages,
    tools: [...tools, { type: 'function', function: { name: 'now' } }],
    tool_choice: { type: 'function', function: { name: 'now' } },
    parallel_tool_calls: false,
  })
  assert.deepEqual(
    named.choices[0]!.message.tool_calls!.map((call) => call.type === 'function' && call.function),
    [{ name: 'now', arguments: '{}' }],
  )
})

test('results of calls go back into the conversation, until the model says something', { timeout }, async () => {
  const runner = client.chat.completions.runTools(
    {
      model: 'letters',
      messages,
      temperature: 0,
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'of a place',
            parameters,
            parse: (text: string) => JSON.parse(text),
            function: async () => 'sunny',
          },
        },
      ],
    },
    { maxChatCompletions: 3 },
  )
  assert.equal(await runner.finalContent(), 'abcdefghijklmnopqrstuvwxyz')
  const { choices } = await client.chat.completions.create({
    model: 'letters',
    temperature: 0,
    max_tokens: 3,
    tools,
    messages: [
      ...messages,
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"place":"Bonn"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
    ],
  })
  assert.equal(choices[0]!.message.content, 'abc')
})

test('JSON keeps to its schema, and any JSON is an object', { timeout }, async () => {
  const schema = {
    type: 'object',
    properties: {
      n: { type: 'integer', minimum: 3, maximum: 1200 },
      tags: { type: 'array', items: { enum: ['x', 'y'] }, maxItems: 3 },
    },
    required: ['n', 'tags'],
    additionalProperties: false,
  }
  const fitsSchema = new Ajv2020({ strict: false }).compile(schema)
  for (const model of ['unsure', 'letters'])
    for (let seed = 0; seed < 4; seed++) {
      const { choices } = await client.chat.completions.create({
        model,
        messages,
        seed,
        max_tokens: 300,
        response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
      })
      assert.equal(choices[0]!.finish_reason, 'stop')
      assert.ok(fitsSchema(JSON.parse(choices[0]!.message.content!)), choices[0]!.message.content!)
    }
  let objects = 0
  for (let seed = 1; seed < 6; seed++) {
    const { choices } = await client.chat.completions.create({
      model: 'unsure',
      messages,
      seed,
      max_tokens: 1500,
      response_format: { type: 'json_object' },
    })
    if (choices[0]!.finish_reason === 'length') continue
    assert.equal(Object.getPrototypeOf(JSON.parse(choices[0]!.message.content!)), Object.prototype)
    objects++
  }
  assert.ok(objects > 0)
})

test('log-probabilities are told of chats and completions, streamed and whole', { timeout }, async () => {
  const ask = { model: 'letters', messages, temperature: 0, max_tokens: 4, logprobs: true, top_logprobs: 2 } as const
  const { choices } = await client.chat.completions.create(ask)
  const told = choices[0]!.logprobs!.content!
  assert.deepEqual(
    told.map(({ token }) => token),
    ['a', 'b', 'c', 'd'],
  )
  for (const one of told) {
    assert.ok(one.logprob <= 0 && one.top_logprobs.length === 2)
    assert.equal(one.top_logprobs[0]!.token, one.token)
    assert.deepEqual(one.bytes, [...Buffer.from(one.token)])
  }
  const streamed = []
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }))
    streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []))
  assert.deepEqual(
    streamed.map(({ token }) => token),
    told.map(({ token }) => token),
  )
  const completion = await client.completions.create({
    model: 'letters',
    prompt: 'xa',
    max_tokens: 3,
    logprobs: 2,
    temperature: 0,
  })
  const { tokens, text_offset, token_logprobs, top_logprobs } = completion.choices[0]!.logprobs!
  assert.deepEqual(
    [tokens, text_offset],
    [
      ['b', 'c', 'd'],
      [0, 1, 2],
    ],
  )
  assert.ok(Object.values(top_logprobs![0]!).includes(token_logprobs![0]!))
  const scored = (prompt: string | number[], more: object = {}) =>
    client.completions.create({ model: 'letters', prompt, max_tokens: 0, echo: true, logprobs: 2, temperature: 0, ...more })
  const [asText, asTokens] = [await scored('abz'), await scored([97, 98, 122])]
  for (const { choices, usage } of [asText, asTokens]) {
    const { text, logprobs, finish_reason } = choices[0]!
    assert.deepEqual([text, finish_reason, usage!.completion_tokens], ['abz', 'length', 0])
    assert.deepEqual(
      [logprobs!.tokens, logprobs!.text_offset],
      [
        ['a', 'b', 'z'],
        [0, 1, 2],
      ],
    )
    assert.deepEqual([logprobs!.token_logprobs![0], logprobs!.top_logprobs![0]], [null, null])
    assert.ok(logprobs!.token_logprobs![1]! > -0.01, 'after a comes b')
    assert.ok(logprobs!.token_logprobs![2]! < -10, 'and z hardly after b')
    assert.ok('c' in logprobs!.top_logprobs![2]!)
  }
  const onward = await scored('abz', { max_tokens: 2, prompt: [[97], [120, 121]], stream: true })
  const inOrder: Record<number, { text: string; tokens: string[]; offsets: number[] }> = {}
  for await (const { choices } of onward as unknown as AsyncIterable<OpenAI.Completion>)
    for (const { index, text, logprobs } of choices) {
      inOrder[index] ??= { text: '', tokens: [], offsets: [] }
      const one = inOrder[index]
      one.text += text
      one.tokens.push(...(logprobs?.tokens ?? []))
      one.offsets.push(...(logprobs?.text_offset ?? []))
    }
  assert.deepEqual(inOrder, {
    0: { text: 'abc', tokens: ['a', 'b', 'c'], offsets: [0, 1, 2] },
    1: { text: 'xyz', tokens: ['x', 'y', 'z'], offsets: [0, 1, 2] },
  })
  const biased = await client.chat.completions.create({
    model: 'letters',
    messages,
    max_tokens: 3,
    temperature: 0,
    logit_bias: { 122: 100 },
  })
  assert.equal(biased.choices[0]!.message.content, 'zzz')
})

/** Schemas that would be dear or dangerous to hold to, or that nothing can hold. */
const hostile: [string, unknown, RegExp?][] = [
  [
    'a pattern that explodes',
    { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } }, required: ['a'] },
    /"pattern" is not understood/,
  ],
  ['itself', { $ref: '#' }, /leads to itself/],
  [
    'itself by way of choices',
    {
      $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { anyOf: [{ $ref: '#/$defs/a' }, { type: 'null' }] } },
      $ref: '#/$defs/a',
    },
    /leads to itself/,
  ],
  ['another place', { $ref: 'http://169.254.169.254/schema.json' }, /leads out of the schema/],
  ['a file', { $ref: 'file:///etc/passwd' }, /leads out of the schema/],
  ['nothing', { $ref: '#/$defs/none' }, /nothing under/],
  ['a prototype', { $ref: '#/constructor/prototype' }, /nothing under/],
  ['an enormous length', { type: 'string', maxLength: 1e9 }, /above 1000/],
  [
    'many long texts',
    {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`p${i}`, { type: 'string', maxLength: 1000 }])),
    },
    /add up to more/,
  ],
  [
    'many rules',
    {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`p${i}`, { type: 'integer', minimum: 0 }])),
    },
    /too large/,
  ],
  ['long names', { type: 'object', properties: { ['x'.repeat(300_000)]: true } }, /too large/],
  ['a type of no kind', { type: '__proto__' }, /is not known/],
  ['bounds that leave nothing', { type: 'integer', minimum: 3, maximum: 2 }, /no whole number between/],
  ['uniqueItems', { type: 'array', uniqueItems: true }, /cannot be held/],
  ['what is not', { not: { type: 'null' } }, /"not" is not understood/],
  ['choices that overlap', { oneOf: [{ type: 'integer' }, { type: 'number' }] }, /may both be true/],
]

test('schemas that cannot be held to are refused with the place, at once, and the model stays', { timeout }, async () => {
  const ask = (schema: unknown, strict = true) =>
    client.chat.completions.create({
      model: 'letters',
      messages,
      max_tokens: 8,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: schema as Record<string, unknown>, strict } },
    })
  for (const [what, schema, message] of hostile) {
    const begun = performance.now()
    await assert.rejects(
      ask(schema),
      (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError, `${what}: ${error}`)
        assert.match(error.message, message ?? /./, what)
        assert.match(error.param ?? '', /^response_format/, what)
        return true
      },
      what,
    )
    assert.ok(performance.now() - begun < 2000, what)
  }
  let deep: unknown = { type: 'integer' }
  for (let i = 0; i < 60; i++) deep = { type: 'array', items: deep }
  await assert.rejects(ask(deep), OpenAI.BadRequestError)
  // Where the arguments of a tool are promised nothing, such a schema only says that they are an object.
  const lenient = await client.chat.completions.create({
    model: 'letters',
    messages,
    tools: [
      {
        type: 'function',
        function: { name: 'f', parameters: { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } } },
      },
    ],
    tool_choice: 'required',
    max_tokens: 40,
  })
  assert.ok(['tool_calls', 'length'].includes(lenient.choices[0]!.finish_reason))
  for (const [body, param] of [
    [{ tools, tool_choice: { type: 'function', function: { name: 'none' } } }, 'tool_choice'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools: [...tools, ...tools] }, 'tools'],
    [{ tools: [{ type: 'function', function: { name: 'a b' } }] }, 'tools'],
    [{ tools, response_format: { type: 'json_object' } }, 'response_format'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ logit_bias: { 999999: 1 } }, 'logit_bias'],
    [{ logit_bias: { a: 1 } }, 'logit_bias'],
  ] as const)
    await assert.rejects(client.chat.completions.create({ model: 'letters', messages, ...body } as never), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError, `${param}: ${error}`)
      assert.equal(error.param?.split(/[.[]/)[0], param, String(error))
      return true
    })
})
