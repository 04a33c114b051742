import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exposition } from '../../kernel/exposition.ts'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import { openLanguage } from '../../ports/language/open.ts'
import { alphabetModel } from '../../ports/language/testing.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import type { Signature } from '../registry/schema.ts'
import { servingMigrations, servingWorld } from './testing.ts'

const signature: Signature = {
  task: 'generation',
  target: null,
  classes: null,
  positive: null,
  threshold: null,
  tolerance: 1e-3,
  inputs: [{ name: 'prompt', type: 'text', tensor: 'tokens', index: 0, nullable: false, maxLength: 256, pad: 256, example: 'a' }],
  outputs: [{ name: 'text', width: 1 }],
  generation: { contextLength: 8192, maxNewTokens: 40, chat: true, stop: ['<|stop|>'] },
}

test('a version that writes text is deployed, asked, streamed, captured and measured', { timeout: 120_000 }, async () => {
  const metadata = await openSqlite({ file: ':memory:' })
  await metadata.migrate(servingMigrations)
  const executor = await openLocalExecutor({ python: 'python3' })
  const language = openLanguage({ executor })
  const world = await servingWorld(metadata, { language })
  const { endpoints, by } = world
  try {
    await assert.rejects(world.register('broken', { graph: alphabetModel().subarray(0, 9000), kind: 'gguf', signature }), {
      code: 'invalid_input',
      message: /"model.gguf" is no GGUF file that can be read/,
    })
    await world.register('writer', {
      graph: alphabetModel({ contextLength: 8192 }),
      kind: 'gguf',
      signature,
      beside: [{ path: 'chat_template.jinja', text: '{{ messages[0].content }}{{ " a" if add_generation_prompt }}' }],
    })
    const made = await endpoints.create(by, {
      name: 'letters',
      model: 'writer',
      capture: { share: 1, hide: [], hash: [], thumbnails: false, filesMegabytes: 0, key: null, keepDays: 1 },
      overrideReason: null,
      visibility: 'team',
      description: '',
      tags: [],
    })
    assert.deepEqual([made.state, made.served], ['ready', 'gguf'])
    const ask = async (body: unknown) =>
      JSON.parse(await endpoints.predictText(by, 'letters', { body: () => body, text: JSON.stringify(body), requestId: 'req_1' }))

    const { predictions, warnings } = await ask({
      rows: [{ prompt: 'w' }, { messages: [{ role: 'user', content: 'go' }] }],
      generation: { maxTokens: 3 },
    })
    assert.deepEqual(warnings, [])
    assert.deepEqual(
      predictions.map((one: any) => [one.id, one.text, one.finishReason, one.tokens]),
      [
        ['req_1.0', 'xyz', 'length', { prompt: 1, generated: 3 }],
        ['req_1.1', 'bcd', 'length', { prompt: 4, generated: 3 }],
      ],
    )
    for (const [body, message] of [
      [{ rows: [{ text: 'w' }] }, /"rows.0" is not as it should be/],
      [{ rows: [{ prompt: 'w', messages: [] }] }, /rows.0/],
      [{ rows: [{ prompt: 'w' }], generation: { temperature: -1 } }, /"generation.temperature"/],
      [{ rows: [{ prompt: 'a'.repeat(9000) }] }, /Row 0: The prompt has 9000 tokens/],
      [{ rows: Array(65).fill({ prompt: 'w' }) }, /at most 64 rows/],
    ] as const)
      await assert.rejects(ask(body), { code: 'invalid_input', message })

    const stream = async (input: any, signal = new AbortController().signal) => {
      const events: [string, any][] = []
      for await (const { event, data } of await endpoints.generate(by, 'letters', { input, signal, requestId: 'req_2' }))
        events.push([event, data])
      return events
    }
    const events = await stream({ prompt: 'a', stop: ['m'] })
    const done = events.pop()!
    assert.deepEqual([done[0], done[1].text, done[1].finishReason, done[1].id], ['done', 'bcdefghijkl', 'stop', 'req_2'])
    assert.ok(events.every(([event]) => event === 'text'))
    assert.equal(events.map(([, { text }]) => text).join(''), 'bcdefghijkl')
    await assert.rejects(stream({ prompt: 'a'.repeat(9000) }), { code: 'invalid_input' })

    const leaving = new AbortController()
    const left = await endpoints.generate(by, 'letters', {
      // What follows has no end of its own.
      input: { prompt: '=', maxTokens: 8000 },
      signal: leaving.signal,
      requestId: 'req_3',
    })
    for await (const { event, data } of left) {
      leaving.abort()
      if (event === 'done') assert.equal((data as { finishReason: string }).finishReason, 'cancelled')
    }

    const { generation, requests } = await endpoints.metrics(by, 'letters', 600)
    assert.ok(requests >= 9)
    assert.ok(generation!.generatedTokens > 17 && generation!.firstTokenMs!.p50 > 0 && generation!.tokensPerSecond!.p50 > 0)
    assert.match(
      exposition(endpoints.families(), 'prometheus'),
      /atoll_endpoint_generated_tokens_total\{endpoint="[^"]+",id="end_\w+"\} \d+/,
    )
    const captured = (await endpoints.listCaptures(by, 'letters', { limit: 10 })).items
    assert.equal(captured.length, 4)
    assert.deepEqual(captured.at(-1)!.row, { prompt: 'w' })
    assert.equal(captured.at(-1)!.prediction.text, 'xyz')
    assert.deepEqual(captured[2]!.row, { prompt: [{ role: 'user', content: 'go' }] })
    await assert.rejects(endpoints.explain(by, 'letters', { rows: [{ prompt: 'a' }] } as never), {
      code: 'precondition_failed',
      message: /writes text/,
    })

    await world.register('numbers')
    await endpoints.create(by, {
      name: 'numbers',
      model: 'numbers',
      capture: { share: 1, hide: [], hash: [], thumbnails: false, filesMegabytes: 0, key: null, keepDays: 1 },
      overrideReason: null,
      visibility: 'team',
      description: '',
      tags: [],
    })
    await assert.rejects(endpoints.generate(by, 'numbers', { input: { prompt: 'a' }, signal: leaving.signal, requestId: 'r' }), {
      code: 'precondition_failed',
      message: /serves no language model/,
    })
  } finally {
    await endpoints.close()
    await world.done()
    await language.close()
    await executor.close()
    await metadata.close()
  }
})
