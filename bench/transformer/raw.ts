/** The limit: ONNX Runtime on one thread, asked again and again about token ids that lie ready, sorted by length. Asked by a line of seconds each. */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { openGraph } from '../../src/ports/inference/open-graph.ts'

const [folder, model] = process.argv.slice(2) as [string, string]
const { session, Tensor } = await openGraph(readFileSync(`${folder}/${model}/model.onnx`))
const rowsPerRun = (JSON.parse(readFileSync(`${folder}/${model}/signature.json`, 'utf8')) as { rowsPerRun?: number }).rowsPerRun
const texts = (JSON.parse(readFileSync(`${folder}/ids.json`, 'utf8')) as number[][])
  .slice(0, 240)
  .sort((a, b) => a.length - b.length)
type Run = { tokens: number; feeds: Record<string, InstanceType<typeof Tensor>> }

/** Texts of about one length together, so many of them, or as many as have so many tokens. */
function runsOf({ rows, tokens }: { rows: number; tokens: number }): Run[] {
  const runs: Run[] = []
  for (let from = 0; from < texts.length; ) {
    let to = from + 1
    while (to < texts.length && to - from < rows && (to + 1 - from) * texts[to]!.length <= tokens) to++
    runs.push(runOf(texts.slice(from, to)))
    from = to
  }
  return runs
}

function runOf(together: readonly number[][]): Run {
  const length = together.at(-1)!.length
  const ids = new BigInt64Array(together.length * length)
  const mask = new BigInt64Array(ids.length)
  for (const [r, row] of together.entries())
    for (const [i, id] of row.entries()) {
      ids[r * length + i] = BigInt(id)
      mask[r * length + i] = 1n
    }
  const shape = [together.length, length]
  return {
    tokens: together.reduce((sum, row) => sum + row.length, 0),
    feeds: { input_ids: new Tensor('int64', ids, shape), attention_mask: new Tensor('int64', mask, shape) },
  }
}

/** All texts again and again, in an order that is not that of their lengths, until the time is over. */
async function measure(runs: readonly Run[], seconds: number): Promise<{ tokens: number; ms: number; cpuMs: number }> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  let tokens = 0
  // A step that shares no divisor with the number of runs, so that all come by.
  const step = stepFor(runs.length)
  for (let done = 0; done < runs.length || performance.now() - started < 1000 * seconds; done++) {
    const run = runs[((done + 1) * step) % runs.length]!
    await session.run(run.feeds)
    tokens += run.tokens
  }
  const { user, system } = process.cpuUsage(cpu)
  return { tokens, ms: performance.now() - started, cpuMs: (user + system) / 1000 }
}

function stepFor(count: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  for (let step = Math.floor(count * 0.618) + 1; ; step++) if (divisor(step, count) === 1) return step
}

const ways =
  rowsPerRun === 1
    ? [{ rows: 1, tokens: 1 }]
    : [
        { rows: 1, tokens: 1 },
        { rows: 2, tokens: 4096 },
        { rows: 8, tokens: 4096 },
        { rows: 32, tokens: 256 },
        { rows: 32, tokens: 512 },
      ]
let best = { rate: 0, runs: [] as Run[], way: '' }
for (const way of ways) {
  const runs = runsOf(way)
  await session.run(runs[0]!.feeds)
  const { tokens, cpuMs } = await measure(runs, 0)
  const rate = tokens / cpuMs
  if (rate > best.rate)
    best = { rate, runs, way: way.tokens < 4096 && way.rows > 1 ? `${way.tokens} tokens a run` : `${way.rows} a run` }
}
console.log(`ready ${best.way}`)
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await measure(best.runs, Number(line))))
