import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import { backOffMs } from './deliveries.ts'
import { MonitorPatch } from './schema.ts'
import { monitoringTables } from './store.ts'
import { delivered, monitor, onSqlite, refusal, type World } from './testing-world.ts'

const drift = [{ kind: 'data_drift' }]

async function alertOf(w: World) {
  const [alert] = (await w.monitoring.alerts(w.by, { limit: 1 })).items
  return w.monitoring.alert(w.by, alert!.id)
}

onSqlite('a webhook is signed, is tried again later and later, and its tries are kept', async (w) => {
  w.jobs.startWorker({ slots: 1 })
  await w.monitoring.create(w.by, monitor({ checks: drift, webhookUrl: 'https://hooks.example.org/drift' }))
  const { secret } = await w.monitoring.newSecret(w.by, 'watch')
  const shown = await w.monitoring.get(w.by, 'watch')
  assert.equal(shown.webhookSigned, true)
  assert.ok(!JSON.stringify(shown).includes(secret))
  w.letOut(() => ({ status: 503, body: '' }))
  await w.run({ dataset: 'shifted' })
  await delivered(w, {})
  const first = (await alertOf(w)).deliveries[0]!
  assert.deepEqual([first.state, first.attempts, first.said], ['owed', 1, 'refused by the receiver (503)'])

  const { headers, body } = w.calls[0]!
  const seconds = headers['x-atoll-timestamp']!
  // As docs/monitors.md tells receivers to do.
  const expected = `v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
  assert.equal(headers['x-atoll-signature'], expected)
  assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 60)
  assert.equal(headers['x-atoll-delivery'], first.id)
  assert.deepEqual(JSON.parse(body).kinds, ['data_drift'])

  let now = Date.now()
  assert.equal(await w.monitoring.deliver(now), 0, 'not before its time')
  for (const wait of backOffMs) {
    assert.equal(w.calls.length, 1 + backOffMs.indexOf(wait))
    now += wait + 60_000
    await w.monitoring.deliver(now)
  }
  assert.deepEqual([w.calls.length, (await alertOf(w)).deliveries[0]!.state], [1 + backOffMs.length, 'failed'])
  await w.monitoring.deliver(now + 1e9)
  assert.equal(w.calls.length, 1 + backOffMs.length, 'given up')
})

onSqlite('a snoozed or acknowledged alert is silent until it gets worse or its time is over', async (w, metadata) => {
  w.jobs.startWorker({ slots: 1 })
  w.letOut(() => ({ status: 200, body: '' }))
  await w.monitoring.create(w.by, monitor({ checks: drift, webhookUrl: 'https://hooks.example.org/drift' }))
  await w.run({ dataset: 'shifted' })
  await delivered(w, {})
  const { id } = await alertOf(w)
  const until = new Date(Date.now() + 3_600_000).toISOString()
  assert.match((await refusal(w.monitoring.setAlert(w.by, id, { state: 'snoozed' }))).message, /until when/)
  const snoozed = await w.monitoring.setAlert(w.by, id, { state: 'snoozed', until })
  assert.deepEqual([snoozed.state, snoozed.snoozedUntil, snoozed.handledBy], ['snoozed', until, 'Grace'])
  await w.run({ dataset: 'shifted' })
  assert.deepEqual([(await alertOf(w)).state, (await alertOf(w)).count, w.calls.length], ['snoozed', 2, 1])

  // A further check that alarms is worse than what was snoozed.
  const further = { kind: 'multivariate_drift', settings: { warning: 0.6, alert: 0.7, rows: 500 } }
  await w.monitoring.patch(w.by, 'watch', MonitorPatch.parse({ checks: [...drift, further] }))
  await w.run({ dataset: 'shifted' })
  while (w.calls.length < 2) await delay(10)
  const woken = await alertOf(w)
  assert.deepEqual(
    [woken.id, woken.state, woken.snoozedUntil, woken.kinds],
    [id, 'open', null, ['data_drift', 'multivariate_drift']],
  )

  await w.monitoring.setAlert(w.by, id, { state: 'snoozed', until })
  await monitoringTables(metadata.db)
    .updateTable('alerts')
    .set({ snoozed_until: Date.now() - 1 })
    .execute()
  await w.run({ dataset: 'shifted' })
  while (w.calls.length < 3) await delay(10)
  assert.equal((await alertOf(w)).state, 'open')
})

onSqlite('mail goes to a real SMTP server that an administrator named, and nowhere before', async (w) => {
  w.jobs.startWorker({ slots: 1 })
  const letters: { to: string[]; text: string }[] = []
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, session, done) {
      const pieces: Buffer[] = []
      stream.on('data', (piece: Buffer) => pieces.push(piece))
      stream.on('end', () => {
        letters.push({ to: session.envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(pieces).toString() })
        done()
      })
    },
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  try {
    const { port } = server.server.address() as { port: number }
    const emails = ['ann@lab.example', 'bob@elsewhere.example']
    await w.monitoring.create(w.by, monitor({ checks: drift, emails }))
    await w.run({ dataset: 'shifted' })
    const off = async (pattern: RegExp) => {
      for (;;) {
        const { deliveries } = await alertOf(w)
        if (deliveries.every(({ said }) => said !== null && pattern.test(said))) return
        await delay(10)
      }
    }
    await off(/not delivered: No mail leaves/)
    assert.equal(letters.length, 0)
    const mail = {
      host: 'localhost',
      port,
      security: 'none' as const,
      user: null,
      from: 'atoll@lab.example',
      domains: ['lab.example'],
    }
    await w.auth.settings.change(w.by, { mail })
    await w.monitoring.deliver(Date.now() + 70_000)
    const { deliveries } = await alertOf(w)
    const of = (target: string) => deliveries.find((one) => one.target === target)!
    assert.equal(of('ann@lab.example').state, 'delivered', of('ann@lab.example').said!)
    assert.match(of('bob@elsewhere.example').said!, /Mail to elsewhere\.example is not allowed/)
    assert.deepEqual(
      letters.map(({ to }) => to),
      [['ann@lab.example']],
    )
    assert.match(letters[0]!.text, /Subject: Alert: watch/)
    assert.match(letters[0]!.text, /What to do:/)

    const { said } = await w.auth.settings.testMail(w.by, 'eve@lab.example')
    assert.match(said, /250/)
    assert.deepEqual(letters[1]!.to, ['eve@lab.example'])
    assert.match(
      (await refusal(w.auth.settings.testMail(w.by, 'eve@elsewhere.example'))).message,
      /elsewhere\.example is not allowed/,
    )
    await w.auth.settings.change(w.by, { mail: { ...mail, port: 1 } })
    assert.match(
      (await refusal(w.auth.settings.testMail(w.by, 'eve@lab.example'))).message,
      /:1 could not be reached: nothing takes the connection at this port/,
    )

    const refused = await refusal(w.auth.settings.change(w.by, { mail: { ...mail, password: 'x' } }))
    assert.match(refused.message, /sent unencrypted/)
    const kept = await w.auth.settings.change(w.by, {
      mail: { ...mail, security: 'starttls', user: 'atoll', password: 'hunter2' },
    })
    assert.equal(kept.mail!.hasPassword, true)
    assert.ok(!JSON.stringify(await w.auth.settings.get()).includes('hunter2'))
    assert.equal((await w.auth.settings.mailServer())!.password, 'hunter2')
    const moved = await w.auth.settings.change(w.by, {
      mail: { ...mail, host: 'mail.elsewhere.example', security: 'starttls', user: 'atoll' },
    })
    assert.equal(moved.mail!.hasPassword, false, 'a password is not said to another server')
  } finally {
    server.close()
  }
})
