import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTraceSettings } from '../../kernel/trace-settings.ts'
import { currentTraceparent, within } from './context.ts'
import { spanExporter } from './exporter.ts'
import { openTraces } from './open.ts'
import type { Span } from './otlp.ts'
import { readTraceparent, traceparentOf } from './traceparent.ts'

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const settings = (env: Record<string, string> = {}) =>
  readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/', ...env })!

/** Traces that are sent to a list. */
function collected(env: Record<string, string> = {}) {
  const sent: { url: string; headers: Record<string, string>; body: any }[] = []
  const lost: string[] = []
  const traces = openTraces({
    settings: settings(env),
    version: '1.2.3',
    async fetchOut(url, { headers, body }) {
      sent.push({ url, headers, body: JSON.parse(body) })
      return { status: 200 }
    },
    onLost: (why) => lost.push(why),
  })
  const spans = () => sent.flatMap(({ body }) => body.resourceSpans[0].scopeSpans[0].spans)
  return { traces, sent, lost, spans }
}

test('a traceparent is read as the specification has it, and nothing else', () => {
  assert.deepEqual(readTraceparent(parent), {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    sampled: true,
  })
  assert.equal(readTraceparent(parent.replace(/01$/, '00'))?.sampled, false)
  assert.equal(readTraceparent(`01${parent.slice(2)}-more`)?.sampled, true, 'a later version may say more')
  const wrong = [
    undefined,
    '',
    `${parent}-more`,
    parent.toUpperCase(),
    `ff${parent.slice(2)}`,
    parent.slice(0, -1),
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
    'x'.repeat(10_000),
  ]
  for (const text of wrong) assert.equal(readTraceparent(text), null, String(text).slice(0, 60))
  assert.equal(traceparentOf(readTraceparent(parent)!), parent)
})

test('a request is told as OTLP in JSON: its span under the caller, its parts under it', async () => {
  const { traces, sent, spans } = collected({
    OTEL_SERVICE_NAME: 'scores',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test,x=a%20b',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret',
  })
  const trace = traces.begin('POST /predict', parent)
  const from = performance.now()
  trace.note('atoll.rows', 3)
  trace.note('share', 0.5)
  trace.span('model run', from, from + 2, { 'atoll.rows_in_run': 8 })
  trace.end(503)
  await traces.flush()
  assert.deepEqual([sent.length, sent[0]!.url], [1, 'http://collector:4318/v1/traces'])
  assert.deepEqual(sent[0]!.headers, { 'x-key': 'secret', 'content-type': 'application/json' })
  const attributes = sent[0]!.body.resourceSpans[0].resource.attributes
  assert.deepEqual(Object.fromEntries(attributes.map(({ key, value }: any) => [key, value.stringValue])), {
    'service.name': 'scores',
    'service.version': '1.2.3',
    'deployment.environment': 'test',
    x: 'a b',
  })
  const [part, root] = spans()
  assert.deepEqual(
    [root.traceId, root.parentSpanId, root.kind, root.status],
    ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7', 2, { code: 2 }],
  )
  assert.deepEqual([part.traceId, part.parentSpanId, part.name, part.kind], [root.traceId, root.spanId, 'model run', 1])
  assert.match(root.spanId, /^[0-9a-f]{16}$/)
  assert.deepEqual(root.attributes, [
    { key: 'atoll.rows', value: { intValue: '3' } },
    { key: 'share', value: { doubleValue: 0.5 } },
    { key: 'http.response.status_code', value: { intValue: '503' } },
  ])
  assert.equal(BigInt(part.endTimeUnixNano) - BigInt(part.startTimeUnixNano), 2_000_000n)
  assert.ok(Math.abs(Number(BigInt(root.startTimeUnixNano) / 1_000_000n) - Date.now()) < 10_000)
})

test('sampling keeps the share that is asked for, decides by the trace, and follows the caller where it should', async () => {
  const share = async (env: Record<string, string>, parents: (string | undefined)[]) => {
    const { traces, spans } = collected(env)
    for (const one of parents) traces.begin('x', one).end(200)
    await traces.flush()
    return spans().length
  }
  const none = new Array<undefined>(4000).fill(undefined)
  const quarter = await share({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }, none)
  assert.ok(quarter > 850 && quarter < 1150, `${quarter} of 4000`)
  const unsampled = parent.replace(/01$/, '00')
  assert.equal(await share({}, [parent, unsampled, undefined]), 2)
  assert.equal(await share({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, [parent, unsampled, undefined]), 1)
  assert.equal(await share({ OTEL_TRACES_SAMPLER: 'always_on' }, [parent, unsampled]), 2)
  assert.throws(() => settings({ OTEL_TRACES_SAMPLER: 'sometimes' }), /OTEL_TRACES_SAMPLER must be/)
  assert.equal(readTraceSettings({}), null)
  assert.equal(readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_SDK_DISABLED: 'true' }), null)
  assert.throws(() => readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'file:///etc/passwd' }), /http or https/)
})

test('what is asked of others carries the trace, and only within the request', async () => {
  const { traces } = collected()
  const trace = traces.begin('x', parent)
  assert.equal(currentTraceparent(), undefined)
  await within(trace, async () => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    assert.match(currentTraceparent()!, /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/)
    assert.notEqual(currentTraceparent(), parent, 'under our own span')
  })
  assert.equal(currentTraceparent(), undefined)
})

const span = (name: string): Span => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentSpanId: null,
  name,
  kind: 'server',
  startMs: 0,
  endMs: 1,
  attributes: {},
  failed: false,
})

test('a collector that is busy is asked again; one that refuses or is away loses spans, said once, and never holds anybody up', async () => {
  const lost: string[] = []
  const answers = [503, 200, 400, 400]
  const sizes: number[] = []
  const exporter = spanExporter({
    async send(spans) {
      sizes.push(spans.length)
      return { status: answers.shift() ?? 200, retryAfterMs: 1 }
    },
    onLost: (why) => lost.push(why),
  })
  exporter.add(span('a'))
  await exporter.flush()
  assert.deepEqual([sizes, exporter.lost, lost], [[1, 1], 0, []])
  for (const name of ['b', 'c']) {
    exporter.add(span(name))
    await exporter.flush()
  }
  assert.deepEqual([exporter.lost, lost], [2, ['the collector answered 400']])

  let release = () => {}
  const stuck = spanExporter({
    send: () => new Promise((resolve) => (release = () => resolve({ status: 200, retryAfterMs: null }))),
    onLost: (why) => lost.push(why),
  })
  for (let i = 0; i < 20_000; i++) stuck.add(span('x'))
  assert.ok(stuck.lost > 10_000, `${stuck.lost} lost`)
  assert.match(lost.at(-1)!, /does not keep up/)
  release()
})
