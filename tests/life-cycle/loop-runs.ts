import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import type { ExampleWorld } from './example-world.ts'

const minute = 60_000

/** Runs of a loop as a person starts and follows them. */
export function loopRuns(w: Pick<ExampleWorld, 'ask'>, loop: string, { patienceMs = 4 * minute } = {}) {
  const read = (run: { number: number }): Promise<LoopRun> => w.ask('GET', `/v1/loops/${loop}/runs/${run.number}`)

  async function until(run: { number: number }, is: (run: LoopRun) => boolean): Promise<LoopRun> {
    for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(150)) {
      const now = await read(run)
      if (is(now)) return now
      if (now.state === 'ended') assert.fail(`It ended at ${now.step}: ${now.sentence}`)
    }
    return assert.fail(JSON.stringify(await read(run)).slice(0, 2000))
  }
  const ended = (run: { number: number }) => until(run, ({ state }) => state === 'ended')

  return {
    read,
    until,
    ended,
    patch: (changes: object) => w.ask('PATCH', `/v1/loops/${loop}`, changes),
    start: (): Promise<LoopRun> => w.ask('POST', `/v1/loops/${loop}/run`, {}),
    /** The run of this number, whenever and by whatever it begins, at its end. */
    async endOf(number: number): Promise<LoopRun> {
      for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(200)) {
        const { items } = await w.ask('GET', `/v1/loops/${loop}/runs`)
        if (items.some((one: LoopRun) => one.number === number)) return ended({ number })
      }
      return assert.fail(`Run ${number} has not begun.`)
    },
  }
}

export const stepOf = (run: LoopRun, name: string): any => run.steps.find(({ step }) => step === name)

/** Seconds where a person would say hours. */
export const hasty = {
  shadow: { minutes: 0.02, minimumRequests: 5 },
  rollout: { steps: [{ weight: 50, minutes: 0.02 }], guard: { minimumRequests: 2, maxLatencyFactor: 100 } },
  watch: { minutes: 0.05 },
  cooldownMinutes: 0,
}
