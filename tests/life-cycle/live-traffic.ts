import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from '../platform-world.ts'

export type Row = Record<string, unknown>
export interface Sent {
  id: string
  row: Row
  truth: string
  label: string
}

/** People who ask an endpoint, and what turns out to be true of them. */
export function liveTraffic(
  w: Pick<World, 'call'>,
  endpoint: string,
  target: string,
  asTruth: (text: string) => unknown = (text) => text,
) {
  let flowing: Promise<void> | null = null
  let stopped = false
  const failed: string[] = []

  async function post(path: string, body: unknown) {
    const { status, json, text } = await w.call('POST', `/v1/endpoints/${endpoint}/${path}`, { body })
    if (status >= 300) throw new Error(`${path}: ${status} ${text.slice(0, 500)}`)
    return json
  }

  /** One request of some rows (each with its target, which is not sent). */
  async function ask(rows: readonly Row[]): Promise<Sent[]> {
    const asked = rows.map(({ [target]: _, ...inputs }) => inputs)
    const { predictions } = await post('predict', { rows: asked })
    return rows.map((row, i) => ({ id: predictions[i].id, row, truth: String(row[target]), label: predictions[i].label }))
  }

  /** Asks for all rows, a few at a time. */
  async function askAll(rows: readonly Row[], perRequest: number): Promise<Sent[]> {
    const sent: Sent[] = []
    for (let from = 0; from < rows.length; from += perRequest) sent.push(...(await ask(rows.slice(from, from + perRequest))))
    return sent
  }

  /** Says what turned out. */
  const tell = (sent: readonly Sent[], truth = (one: Sent) => one.truth) =>
    post('truth', { items: sent.map((one) => ({ id: one.id, value: asTruth(truth(one)) })) })

  return {
    ask,
    askAll,
    tell,
    failed,
    /** Rows keep coming, and their truth soon after, until `stop`. */
    flow(rows: readonly Row[], { perRequest = 5, everyMs = 60 } = {}) {
      stopped = false
      let untold: Sent[] = []
      flowing = (async () => {
        for (let at = 0; !stopped; at += perRequest) {
          const some = Array.from({ length: perRequest }, (_, i) => rows[(at + i) % rows.length]!)
          try {
            untold.push(...(await ask(some)))
            if (untold.length >= 50) {
              await tell(untold)
              untold = []
            }
          } catch (error) {
            failed.push((error as Error).message)
          }
          await sleep(everyMs)
        }
        if (untold.length > 0) await tell(untold)
      })()
    },
    async stop() {
      stopped = true
      await flowing
    },
  }
}

/** F1 of what was answered. */
export function f1Of(sent: readonly Sent[], positive: string): number {
  const count = (of: (one: Sent) => boolean) => sent.filter(of).length
  const hits = count(({ truth, label }) => truth === positive && label === positive)
  return (2 * hits) / Math.max(1, count(({ truth }) => truth === positive) + count(({ label }) => label === positive))
}
