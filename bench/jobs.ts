import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startSubject } from './lib/processes.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, quantile } from './lib/stats.ts'

interface Target {
  url: string
  token: string
  job: string
}

const goals = { cold: 300, warm: 40 }

/** J1: from the POST that asks for a job, as it leaves the client, to the first line of the job's own code in its sandbox. */
export async function suite({ quick }: BenchOptions): Promise<BenchResult[]> {
  const runs = quick ? 10 : 40
  return [await measure('cold', runs), await measure('warm', runs)]
}

async function measure(kind: 'cold' | 'warm', runs: number): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-jobs-'))
  const subject = await startSubject([process.execPath, join(import.meta.dirname, 'jobs', 'server.ts'), folder], {
    env: { ATOLL_WARM_SECONDS: kind === 'cold' ? '0' : '600' },
    isReady: (line) => line.startsWith('ready '),
  })
  try {
    const target = JSON.parse(subject.ready.slice('ready '.length)) as Target
    const times: number[] = []
    // The first run builds what is not there yet, and leaves the first warm process.
    await firstLineMs(target)
    for (let i = 0; i < runs; i++) {
      if (i % 10 === 0) await quietMoment()
      if (kind === 'warm') await untilWarm(target)
      times.push(await firstLineMs(target))
    }
    const p50 = median(times)
    return judged({
      id: 'J1',
      suite: 'jobs',
      what: `job asked for → first line of its code, ${kind}`,
      ours: { value: p50, unit: 'ms' },
      against: null,
      ratio: null,
      goal: { compare: '<=', value: goals[kind], of: 'value' },
      note: `p50 of ${runs} runs; p99 ${quantile(times, 0.99).toFixed(0)} ms, slowest ${Math.max(...times).toFixed(0)} ms. Over HTTP, authenticated, queue on disk.`,
    })
  } finally {
    await subject.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Both clocks are this machine's. */
async function firstLineMs(target: Target): Promise<number> {
  const { attempt, last } = await state(target)
  const sent = Date.now()
  await call(target, 'POST', `/v1/jobs/${target.job}/retry`)
  for (;;) {
    await sleep(25)
    const { items, ended } = await call(target, 'GET', `/v1/jobs/${target.job}/log?after=${last}&limit=500`)
    if (!ended) continue
    const first = items.find((event: any) => event.attempt > attempt && event.type === 'log' && event.data.message === 'started')
    if (!first) throw new Error(`the job never reached its first line: ${JSON.stringify(items.at(-1))}`)
    return Date.parse(first.at) - sent
  }
}

async function state(target: Target): Promise<{ attempt: number; last: number }> {
  const { attempt } = await call(target, 'GET', `/v1/jobs/${target.job}`)
  for (let last = 0; ; ) {
    const page = await call(target, 'GET', `/v1/jobs/${target.job}/log?after=${last}&limit=1000`)
    if (page.items.length === 0) return { attempt, last }
    last = page.last
  }
}

async function untilWarm(target: Target): Promise<void> {
  for (let waited = 0; waited < 600; waited++) {
    const { items } = await call(target, 'GET', '/v1/runtimes')
    if (items.some((runtime: any) => runtime.name === 'tabular' && runtime.warm)) return
    await sleep(100)
  }
  throw new Error('no warm process within a minute')
}

async function call(target: Target, method: string, path: string): Promise<any> {
  const response = await fetch(target.url + path, { method, headers: { authorization: `Bearer ${target.token}` } })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response.json()
}
