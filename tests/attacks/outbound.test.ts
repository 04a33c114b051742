/** E: no address that somebody writes down makes the server call an inner place. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deliverAlerts } from '../../src/domains/monitoring/deliveries.ts'
import { newId } from '../../src/kernel/ids.ts'
import { openSmtp } from '../../src/ports/mail/smtp.ts'
import { openOutbound } from '../../src/ports/outbound/fetch-out.ts'
import { onEachPlatform, type World } from '../platform-world.ts'
import { resourceTables, rowMaker } from './rows.ts'

/** A service of this machine that nobody outside may reach through us. */
async function innerService(work: (port: number, calls: string[]) => Promise<void>): Promise<void> {
  const calls: string[] = []
  const server = createServer((request, reply) => {
    calls.push(`${request.method} ${request.url}`)
    reply.end('CANARY')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work((server.address() as AddressInfo).port, calls)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const spellingsOf = (port: number): string[] => [
  `http://127.0.0.1:${port}/`,
  `http://localhost:${port}/`,
  `http://127.1:${port}/`,
  `http://2130706433:${port}/`,
  `http://0177.0.0.1:${port}/`,
  `http://0x7f.1:${port}/`,
  `http://0.0.0.0:${port}/`,
  `http://[::1]:${port}/`,
  `http://[::ffff:127.0.0.1]:${port}/`,
  `http://[::ffff:7f00:1]:${port}/`,
  `http://localhost.:${port}/`,
  `http://ok.example@127.0.0.1:${port}/`,
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:a9fe:a9fe]/',
  'http://[fd00:ec2::254]/',
]

const neverTaken = [
  'file:///etc/passwd',
  'gopher://127.0.0.1/',
  'ftp://127.0.0.1/',
  'javascript:alert(1)',
  'data:text/plain,x',
  'unix:/var/run/docker.sock',
  '//127.0.0.1/',
  '/etc/passwd',
  '',
]

onEachPlatform('E1 E3 E4 E6 E7: a webhook reaches no inner place, even when an administrator allowed it by mistake', (world) =>
  innerService(async (port, calls) => {
    const { call, platform } = world
    const eve = await world.person('Eve', 'editor')
    const tables = await resourceTables(platform.metadata)
    const makeRow = await rowMaker(world, tables)
    const endpoint = await makeRow(tables.find(({ name }) => name === 'endpoints')!, eve.id, 'team')
    for (const webhookUrl of neverTaken) {
      const { status } = await call('POST', '/v1/monitors', { token: eve.token, body: { name: 'w', endpoint, webhookUrl } })
      assert.equal(status, 400, webhookUrl)
    }
    assert.equal(
      (await platform.metadata.db.selectFrom('monitors').select('id').execute()).length,
      0,
      'refused, and nothing kept',
    )
    for (const body of [{ outboundHosts: ['127.0.0.1'] }, { outboundHosts: ['hooks.example'] }])
      assert.equal(
        (await call('PATCH', '/v1/settings', { token: eve.token, body })).status,
        403,
        'who adds a webhook adds no host',
      )

    const mistakes: string[] = []
    for (const host of new Set(spellingsOf(port).map((url) => new URL(url).host.replace(/\.$/, ''))))
      if ((await call('PATCH', '/v1/settings', { body: { outboundHosts: [host] } })).status === 200) mistakes.push(host)
    assert.ok(mistakes.includes(`127.0.0.1:${port}`) && mistakes.includes(`localhost:${port}`), String(mistakes))
    for (const allowed of [[], mistakes]) {
      assert.equal((await call('PATCH', '/v1/settings', { body: { outboundHosts: allowed } })).status, 200)
      for (const [n, webhookUrl] of spellingsOf(port).entries()) {
        const made = await call('POST', '/v1/monitors', {
          token: eve.token,
          body: { name: `w ${allowed.length} ${n}`, endpoint, webhookUrl },
        })
        if (made.status === 400) continue
        assert.equal(made.status, 201, made.text)
        const alert = await owe(world, made.json.id, webhookUrl)
        await deliverAlerts({
          metadata: platform.metadata,
          outbound: platformOutbound(world),
          mail: openSmtp(),
          settings: platform.domains.auth.settings,
          secrets: platform.secrets,
        })
        const { json } = await call('GET', `/v1/alerts?monitor=${made.json.id}`, { token: eve.token })
        const told = json.items.find((one: { id: string }) => one.id === alert).webhook
        assert.match(told, /^not delivered: /, webhookUrl)
        assert.ok(!told.includes('CANARY'))
      }
    }
    assert.deepEqual(calls, [])
  }),
)

/** As `platform.ts` opens it: what may be reached is a setting. */
const platformOutbound = ({ platform }: World) =>
  openOutbound({ allowedHosts: async () => (await platform.domains.auth.settings.get()).outboundHosts })

/** An alert of which the monitor's webhook is yet to be told. */
async function owe({ platform, project }: World, monitor: string, target: string): Promise<string> {
  const id = newId('alr')
  await platform.metadata.db
    .insertInto('alerts')
    .values({
      id,
      monitor_id: monitor,
      project_id: project.id,
      report_id: 'x',
      severity: 'alert',
      message: 'm',
      recommendation: 'r',
      state: 'open',
      count: 1,
      at: Date.now(),
      webhook: null,
      webhook_due: 0,
    })
    .execute()
  await platform.metadata.db
    .insertInto('alert_deliveries')
    .values({
      id: newId('dlv'),
      alert_id: id,
      channel: 'webhook',
      target,
      state: 'owed',
      attempts: 0,
      due_at: Date.now(),
      said: null,
      at: Date.now(),
    })
    .execute()
  return id
}
