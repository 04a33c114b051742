import { test } from 'node:test'
import { surviveCrashes } from './crashes.ts'

const seed = 1 + (Date.now() % 2147483000)

test(
  'kill -9 of server and job at random moments: no job lost, none done twice, no process left',
  { timeout: 240_000 },
  async (t) => t.diagnostic(await surviveCrashes({ kind: 'sqlite', jobs: 40, kills: 12, seed })),
)

test('the same with a web process and two workers on PostgreSQL', { timeout: 240_000 }, async (t) => {
  const said = await surviveCrashes({ kind: 'postgres', jobs: 40, kills: 10, seed })
  t.diagnostic(said)
  if (said.startsWith('skipped')) t.skip(said)
})
