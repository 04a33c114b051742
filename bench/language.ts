import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAtoll } from '../sdk/src/index.ts'
import { alphabetModel } from '../src/ports/language/testing.ts'
import { threadsFor } from '../src/ports/language/threads.ts'
import { startSubject } from './lib/processes.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'

interface Figures {
  firstMs: number
  perSecond: number
}

const contextLength = 2048
const promptTokens = 200
const tokens = 64

/** L1: a language model behind an endpoint (HTTP, who may, sandbox, capture, stream of events) against the same library called in a loop. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-language-'))
  const file = join(folder, 'model.gguf')
  const bytes = alphabetModel({ width: quick ? 256 : 512, layers: quick ? 4 : 12, contextLength })
  writeFileSync(file, bytes)
  const threads = threadsFor(bytes.length)
  const bare = fork(join(import.meta.dirname, 'language', 'bare.ts'), [file, String(threads), String(contextLength)], {
    execArgv: [],
  })
  await once(bare, 'message')
  const server = await startSubject(
    [process.execPath, join(import.meta.dirname, 'language', 'server.ts'), join(folder, 'data'), file],
    {
      isReady: (line) => line.startsWith('ready '),
      timeoutMs: 180_000,
    },
  )
  try {
    const atoll = createAtoll(JSON.parse(server.ready.slice('ready '.length)))
    const askBare = async (prompt: string): Promise<Figures & { text: string }> => {
      bare.send({ prompt, tokens })
      return ((await once(bare, 'message')) as [Figures & { text: string }])[0]
    }
    const askOurs = async (prompt: string): Promise<Figures & { text: string }> => {
      const began = performance.now()
      let first = 0
      let text = ''
      for await (const piece of await atoll.endpoints.generate('bench', { prompt, maxTokens: tokens })) {
        if (first === 0) first = performance.now() - began
        text += piece
      }
      return { firstMs: first, perSecond: ((tokens - 1) * 1000) / (performance.now() - began - first), text }
    }
    const ours: Figures[] = []
    const theirs: Figures[] = []
    for (let round = 0; round <= rounds * 4; round++) {
      if (round % 4 === 1) await quietMoment()
      // Another beginning each time: nothing is there yet to go on from.
      const prompt = `${round} `.padEnd(promptTokens - 1, String.fromCharCode(65 + round)) + ' '
      const [one, other] =
        round % 2 === 0 ? [await askOurs(prompt), await askBare(prompt)] : swapped(await askBare(prompt), await askOurs(prompt))
      if (one.text !== other.text) throw new Error(`they wrote different texts: ${one.text} and ${other.text}`)
      if (round === 0) continue
      ours.push(one)
      theirs.push(other)
    }
    const what = `${Math.round(bytes.length / 1e6)} MB of float32, ${threads} thread${threads > 1 ? 's' : ''}, a prompt of ${promptTokens} tokens, ${tokens} written`
    const result = (key: keyof Figures, name: string, unit: string, goal: BenchResult['goal'], note: string): BenchResult =>
      judged({
        id: 'L1',
        suite: 'language',
        what: name,
        ours: { value: median(ours.map((one) => one[key])), unit },
        against: { name: 'node-llama-cpp by itself', value: median(theirs.map((one) => one[key])) },
        ratio: pairedRatio(
          ours.map((one) => one[key]),
          theirs.map((one) => one[key]),
        ),
        goal,
        note,
      })
    return [
      result(
        'perSecond',
        'tokens a second',
        'tokens/s',
        { compare: '>=', value: 0.9, of: 'ratio' },
        `${what}; the same text from both.`,
      ),
      result('firstMs', 'time to the first token', 'ms', { compare: '<=', value: 1.25, of: 'ratio' }, `${what}.`),
    ]
  } finally {
    bare.disconnect()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const swapped = <T>(a: T, b: T): [T, T] => [b, a]
