import { test } from 'node:test'
import { surviveCrashes } from './crashes.ts'

const seed = 1 + (Date.now() % 2147483000)

for (const kind of ['sqlite', 'postgres'] as const)
  test(`100 times kill -9 over 300 jobs (${kind}): none lost, none twice, no process left`, { timeout: 1_200_000 }, async (t) => {
    const said = await surviveCrashes({ kind, jobs: 300, kills: 100, seed })
    t.diagnostic(said)
    if (said.startsWith('skipped')) t.skip(said)
  })
