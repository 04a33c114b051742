import { setTimeout as sleep } from 'node:timers/promises'
import { authService } from '../../src/domains/auth/service.ts'
import { runDriver } from '../../src/domains/loops/runs/driver.ts'
import type { StepWork } from '../../src/domains/loops/runs/turn.ts'
import type { Step } from '../../src/domains/loops/schema.ts'
import { loopTables } from '../../src/domains/loops/tables.ts'
import { countedSteps } from '../../src/domains/loops/testing.ts'
import { createEvents } from '../../src/kernel/events.ts'
import { openSmtp } from '../../src/ports/mail/smtp.ts'
import type { Db } from '../../src/ports/metadata/metadata.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'
import { testSecrets } from '../../src/ports/secrets/testing.ts'

/** A process of the tests: drives the run in a database file and dies by SIGKILL at the moment it is told, at once and without a word. */
const [file, moment] = process.argv.slice(2) as [string, string]
const metadata = openSqlite({ file })
const events = createEvents((error) => {
  throw error
})
const die = (now: string) => {
  if (now === moment) process.kill(process.pid, 'SIGKILL')
}
const counted = countedSteps({}, (step) => die(`begun ${step}`))
/** What a step begins is in the database exactly when the step says that it has begun it. */
const withEffects = Object.fromEntries(
  Object.entries(counted).map(([name, step]): [string, StepWork] => [
    name,
    (context) => {
      const keep = (work: Record<string, unknown>) =>
        metadata.transaction(async (tx: Db) => {
          await tx.insertInto('effects').values({ run_id: context.run.id, step: name, process: process.pid }).execute()
          die(`beginning ${name}`)
          await context.note(tx, work)
        })
      return step({ ...context, keep })
    },
  ]),
) as Record<Step, StepWork>
events.on('loop.changed', ({ step, state }) => die(`${state} ${step}`))
const auth = authService({ metadata, events, secrets: testSecrets(metadata), mail: openSmtp() })
const { tick } = runDriver({
  metadata,
  events,
  principalOf: auth.users.principal,
  steps: withEffects,
  jobs: { cancel: async () => ({}) as never },
  onError: console.error,
})
// What the dead held is free once its time is over.
await loopTables(metadata.db).updateTable('loop_runs').set({ lease_until: 0 }).execute()
for (let turns = 0; turns < 60; turns++) {
  if ((await tick()) === 0) break
  await sleep(2)
}
await metadata.close()
