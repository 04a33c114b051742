/**
 * Writes a table of made-up customers as CSV, the same for the same seed: `node scripts/generate-table.ts FILE --rows 5000000 --columns 30 --seed 7`.
 * The last column, `churn`, depends on some of the others, so that a model has something to find; about one value in fifty is missing.
 */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'

/** xorshift32 (Marsaglia 2003): a number in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed * 2654435761 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4294967296
  }
}

const states = Array.from({ length: 50 }, (_, at) => `S${String(at).padStart(2, '0')}`)
const plans = ['basic', 'standard', 'premium', 'family']

/** Columns by kind in turn: four measures, two counts, a state, a plan, a date. */
export async function generateTable(
  file: string,
  { rows, columns, seed }: { rows: number; columns: number; seed: number },
): Promise<void> {
  const random = randomNumbers(seed)
  const kinds = ['measure', 'measure', 'count', 'state', 'measure', 'plan', 'date', 'measure', 'count'] as const
  const made = Array.from({ length: columns - 1 }, (_, at) => kinds[at % kinds.length]!)
  const names = made.map((kind, at) => `${kind}_${at + 1}`)
  const out = createWriteStream(file, { highWaterMark: 1 << 22 })
  out.write(`${[...names, 'churn'].join(',')}\n`)
  let text = ''
  for (let row = 0; row < rows; row++) {
    let score = -1.6
    let line = ''
    for (let at = 0; at < made.length; at++) {
      const u = random()
      const kind = made[at]!
      let cell: string
      if (kind === 'measure') {
        const value = Math.round((u + random() + random()) * 10_000) / 100
        cell = u < 0.02 ? '' : String(value)
        if (at === 0) score += (value - 150) / 60
        if (at === 4) score -= (value - 150) / 90
      } else if (kind === 'count') {
        const value = Math.floor(u * u * 40)
        cell = String(value)
        if (at === 2) score += value > 25 ? 1.2 : 0
      } else if (kind === 'state') cell = states[Math.floor(u * 50)]!
      else if (kind === 'plan') {
        const plan = Math.floor(u * 4)
        cell = plans[plan]!
        if (at === 5) score += plan === 0 ? 0.8 : -0.2
      } else cell = new Date(1_577_836_800_000 + Math.floor(u * 1460) * 86_400_000).toISOString().slice(0, 10)
      line += `${cell},`
    }
    text += `${line}${random() < 1 / (1 + Math.exp(-score)) ? 'yes' : 'no'}\n`
    if (text.length > 1 << 20) {
      if (!out.write(text)) await once(out, 'drain')
      text = ''
    }
  }
  out.end(text)
  await finished(out)
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string', default: '5000000' },
      columns: { type: 'string', default: '30' },
      seed: { type: 'string', default: '7' },
    },
  })
  if (!positionals[0])
    throw new Error('Say where the table goes: node scripts/generate-table.ts FILE --rows N --columns N --seed N')
  await generateTable(positionals[0], { rows: Number(values.rows), columns: Number(values.columns), seed: Number(values.seed) })
}
