/** What Prometheus is told: read by its own tools, scraped by itself, and enough for the dashboard. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { prometheusTools } from '../scripts/prometheus-tools.ts'
import { metricsRoutes } from '../src/domains/endpoints/metrics/routes.ts'
import { endpointsRoutes } from '../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../src/domains/endpoints/testing.ts'
import { TrafficInput } from '../src/domains/endpoints/traffic/schema.ts'
import { jobFamilies } from '../src/domains/jobs/job-families.ts'
import { jobsMigrations } from '../src/domains/jobs/migrations.ts'
import { restServer } from '../src/facades/rest/server.ts'
import { readConfig } from '../src/kernel/config.ts'
import { openSqlite } from '../src/ports/metadata/sqlite.ts'

const tools = prometheusTools(readConfig(process.env).runtimesDir)
const skip = typeof tools === 'string' ? tools : false
const dashboard = fileURLToPath(new URL('../docs/grafana/atoll.json', import.meta.url))

describe('figures for Prometheus', { timeout: 90_000 }, () => {
  let w: Awaited<ReturnType<typeof servingWorld>>
  let close: () => Promise<void>
  let url = ''
  let token = ''
  const scrape = async (accept?: string) => {
    const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}`, ...(accept && { accept }) } })
    return { type: response.headers.get('content-type'), text: await response.text() }
  }

  before(async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate([...servingMigrations, ...jobsMigrations])
    w = await servingWorld(metadata)
    const jobs = jobFamilies({ metadata, events: w.events })
    const app = await restServer({
      config: { host: '127.0.0.1', port: 0, allowedHosts: [], publicUrl: null, trustedProxies: [] },
      routes: [...endpointsRoutes(w.endpoints), ...metricsRoutes([w.endpoints.families, jobs])],
      auth: w.auth,
      events: w.events,
      logger: pino({ level: 'silent' }),
      version: '0',
    })
    url = await app.listen({ host: '127.0.0.1', port: 0 })
    token = (await w.auth.tokens.create(w.by, { name: 'prometheus', scopes: null, expiresInDays: 1 })).secret
    await w.register('churn')
    await w.register('churn')
    await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn:1', name: 'live' }))
    const variants = [{ name: 'challenger', model: 'churn:2', weight: 50 }]
    await w.endpoints.setTraffic(w.by, 'live', TrafficInput.parse({ variants }))
    w.events.emit('job.changed', { jobId: 'job_1', projectId: 'prj_1', kind: 'training', state: 'succeeded' })
    close = async () => {
      await app.close()
      await w.endpoints.close()
      await w.done()
      await metadata.close()
    }
    const ask = (variant: string, row: object) =>
      fetch(`${url}/v1/endpoints/${encodeURIComponent('live')}/predict`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'x-atoll-variant': variant },
        body: JSON.stringify({ row }),
      })
    for (const variant of ['main', 'main', 'challenger'])
      assert.equal((await ask(variant, { a: 1, b: 1, state: 'OH' })).status, 200)
    assert.equal((await ask('challenger', { a: 'x', b: 1, state: 'OH' })).status, 422)
  })
  after(() => close())

  const figure = (text: string, name: string, labels: string): number => {
    const line = text
      .split('\n')
      .find((one) => one.startsWith(`${name}{`) && labels.split(' ').every((part) => one.includes(part)))
    assert.ok(line, `${name} ${labels}`)
    return Number(line.split(' ').at(-1))
  }

  test('every figure has its help and type; requests are told by variant, each once', async () => {
    const { type, text } = await scrape()
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
    assert.equal(figure(text, 'atoll_endpoint_requests_total', 'variant="main"'), 2)
    assert.equal(figure(text, 'atoll_endpoint_requests_total', 'variant="challenger"'), 2)
    assert.equal(figure(text, 'atoll_endpoint_errors_total', 'variant="challenger"'), 1)
    assert.equal(figure(text, 'atoll_endpoint_seconds_count', 'variant="main"'), 2)
    assert.equal(figure(text, 'atoll_endpoint_seconds_bucket', 'variant="main" le="+Inf"'), 2)
    assert.equal(figure(text, 'atoll_endpoint_up', 'endpoint="live"'), 1)
    assert.equal(figure(text, 'atoll_jobs_ended_total', 'kind="training"'), 1)
    const told = new Set(text.match(/^# TYPE (\S+)/gm)!.map((line) => line.slice(7)))
    for (const line of text.split('\n').filter((one) => one && !one.startsWith('#'))) {
      const name = /^[a-z0-9_]+/.exec(line)![0]
      assert.ok(told.has(name) || told.has(name.replace(/_(bucket|sum|count)$/, '')), line)
    }
  })

  test('what a variant counted stays when it is taken away, and is not counted again as main', async () => {
    const before = (await scrape()).text
    await w.endpoints.setTraffic(w.by, 'live', TrafficInput.parse({ variants: [] }))
    const { text } = await scrape()
    for (const variant of ['main', 'challenger'])
      assert.equal(
        figure(text, 'atoll_endpoint_requests_total', `variant="${variant}"`),
        figure(before, 'atoll_endpoint_requests_total', `variant="${variant}"`),
      )
  })

  test('promtool finds nothing to say', { skip }, async () => {
    const { text } = await scrape()
    const { status, stderr, stdout } = spawnSync((tools as { promtool: string }).promtool, ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
      timeout: 20_000,
    })
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
  })

  test('a real Prometheus scrapes it, as OpenMetrics, and answers questions about it', { skip }, async (t) => {
    const { type, text } = await scrape('application/openmetrics-text; version=1.0.0')
    assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    assert.match(text, /# TYPE atoll_endpoint_requests counter\n/)
    assert.match(text, /# EOF\n$/)
    const folder = await mkdtemp(join(tmpdir(), 'atoll-prometheus-'))
    await writeFile(join(folder, 'token'), token)
    await writeFile(
      join(folder, 'prometheus.yml'),
      `scrape_configs:\n  - job_name: atoll\n    scrape_interval: 1s\n    authorization: { credentials_file: ${join(folder, 'token')} }\n    static_configs: [{ targets: ['${new URL(url).host}'] }]\n`,
    )
    const port = await freePort()
    const server = spawn(
      (tools as { prometheus: string }).prometheus,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.console.templates=/nonexistent',
        '--web.console.libraries=/nonexistent',
      ],
      { stdio: 'ignore' },
    )
    t.after(async () => {
      server.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    })
    const query = async (expr: string) => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`)
      return ((await response.json()) as { data: { result: { value: [number, string] }[] } }).data.result
    }
    const until = Date.now() + 30_000
    for (;;) {
      const [up] = await query('up{job="atoll"}').catch(() => [])
      if (up?.value[1] === '1') break
      assert.ok(Date.now() < until, 'Prometheus did not scrape')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    assert.equal((await query('sum(atoll_endpoint_requests_total)'))[0]!.value[1], '4')
    assert.equal((await query('count(histogram_quantile(0.5, atoll_endpoint_seconds_bucket))'))[0]!.value[1], '2')
  })

  test('the dashboard asks for nothing that is not told', async () => {
    const { text } = await scrape()
    const told = new Set(text.match(/^# TYPE \S+ \S+/gm)!.flatMap(namesOf))
    const panels = JSON.parse(await readFile(dashboard, 'utf8')) as { panels: { title: string; targets?: { expr: string }[] }[] }
    const asked = panels.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => expr.match(/atoll_\w+/g) ?? []))
    assert.ok(asked.length > 20, `${asked.length} figures`)
    assert.deepEqual(
      [...new Set(asked)].filter((name) => !told.has(name)),
      [],
    )
  })
})

function namesOf(line: string): string[] {
  const [, , name, type] = line.split(' ') as [string, string, string, string]
  return type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name]
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
