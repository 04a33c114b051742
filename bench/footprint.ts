import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSubject, treePssBytes } from './lib/processes.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median } from './lib/stats.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const idleSeconds = 10

/** O1: from the command to the first answer, and the memory of the whole process tree when nothing is asked of it. */
export async function suite({ rounds, quick }: BenchOptions): Promise<BenchResult[]> {
  const first: number[] = []
  const again: number[] = []
  const megabytes: number[] = []
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'atoll-footprint-'))
    try {
      await quietMoment()
      first.push(await up(folder, async () => {}))
      again.push(
        await up(folder, async (pid) => {
          await new Promise((resolve) => setTimeout(resolve, 1000 * (quick ? 3 : idleSeconds)))
          megabytes.push(treePssBytes(pid) / 2 ** 20)
        }),
      )
      console.error(
        `round ${round + 1}: first start ${first.at(-1)!.toFixed(2)} s, again ${again.at(-1)!.toFixed(2)} s, ${megabytes.at(-1)!.toFixed(0)} MB`,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const ofValue = { against: null, ratio: null } as const
  const note = `median of ${rounds} starts, page cache warm`
  return [
    judged({
      ...ofValue,
      id: 'O1',
      suite: 'footprint',
      what: 'From the command to the first answer, an empty data folder',
      ours: { value: median(first), unit: 's' },
      goal: { compare: '<=', value: 1, of: 'value' },
      note: `${note}; makes the database, its tables and the first account`,
    }),
    judged({
      ...ofValue,
      id: 'O1',
      suite: 'footprint',
      what: 'The same, a data folder in use',
      ours: { value: median(again), unit: 's' },
      goal: { compare: '<=', value: 1, of: 'value' },
      note,
    }),
    judged({
      ...ofValue,
      id: 'O1',
      suite: 'footprint',
      what: 'Memory when idle',
      ours: { value: median(megabytes), unit: 'MB' },
      goal: { compare: '<=', value: 150, of: 'value' },
      note: 'proportional set size of the whole process tree',
    }),
  ]
}

/** Starts a server, waits for its first answer to a request, looks at it, stops it. Answers the seconds. */
async function up(folder: string, look: (pid: number) => Promise<void>): Promise<number> {
  const start = performance.now()
  const subject = await startSubject([process.execPath, main, 'up', '--port', '0', '--data', folder, '--json'], {
    isReady: (line) => line.startsWith('{"url"'),
  })
  try {
    const { url } = JSON.parse(subject.ready) as { url: string }
    const reply = await fetch(`${url}/v1/health`)
    if (reply.status !== 200) throw new Error(`The server answered ${reply.status}.`)
    const seconds = (performance.now() - start) / 1000
    await look(subject.pid)
    return seconds
  } finally {
    await subject.stop()
  }
}
