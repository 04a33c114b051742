import { createInterface } from 'node:readline'
import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'
import { compileEncoder } from '../../ports/inference/encode.ts'
import type { LoadedModel } from '../../ports/inference/inference.ts'
import { labelIndex } from '../../ports/inference/label.ts'
import type { Signature } from '../registry/schema.ts'

/** parity_expected.json (docs/job-contract.md): what training code said about each row of parity_rows.jsonl. */
export interface ParityExpected {
  kinds: ('held_out' | 'missing_injected' | 'unseen_injected')[]
  probabilities: number[][] | null
  predictions: number[] | null
  labels: string[] | null
}

export interface ParityFigures {
  rows: number
  heldOutRows: number
  injectedRows: number
  flips: number
  maxDiff: number
  passed: boolean
  /** The worst row, or the first that serving refused, in words; null when passed. */
  reason: string | null
}

/** Fewer rows prove too little. A small sealed part is asked again with other cells missing or unseen until there are as many. */
const fewestRows = 1000
const rowsPerCall = 256

/**
 * Sends the rows that training code answered through the code that serves (encoder, model, label rule) and compares:
 * no label may differ, no probability by more than the tolerance, no number by more than the tolerance of its size.
 */
export async function replayParity(
  { files }: { files: Files },
  { folder, signature, model }: { folder: string; signature: Signature; model: LoadedModel },
): Promise<ParityFigures> {
  const expected = (await files.readJson(folder, 'parity_expected.json', mostBytes)) as ParityExpected
  const encoder = compileEncoder(signature)
  const figures: ParityFigures = {
    rows: 0,
    heldOutRows: expected.kinds.filter((kind) => kind === 'held_out').length,
    injectedRows: expected.kinds.filter((kind) => kind !== 'held_out').length,
    flips: 0,
    maxDiff: 0,
    passed: false,
    reason: null,
  }
  let worst = ''

  async function compare(rows: unknown[]): Promise<void> {
    const first = figures.rows
    const scores = await model.predict(encoder.encode(rows).batch)
    for (let r = 0; r < rows.length; r++) {
      const row = first + r
      const off = differenceOf(expected, row, scores.values, r * scores.width, scores.width)
      if (off > figures.maxDiff) {
        figures.maxDiff = off
        worst = `row ${row} (${expected.kinds[row]}) differs by ${off.toExponential(2)}`
      }
      if (signature.task === 'regression') continue
      const label = signature.classes![labelIndex(signature, scores.values, r * scores.width)]
      if (label === expected.labels![row]) continue
      figures.flips++
      if (figures.flips === 1)
        worst = `row ${row} (${expected.kinds[row]}) is "${expected.labels![row]}" in training code and "${label}" when served`
    }
    figures.rows += rows.length
  }

  try {
    const batch: unknown[] = []
    for await (const line of await linesOf(files, folder)) {
      if (line === '') continue
      batch.push(JSON.parse(line))
      if (batch.length === rowsPerCall) await compare(batch.splice(0))
    }
    if (batch.length > 0) await compare(batch)
  } catch (error) {
    if (!isPlatformError(error) || error.code !== 'invalid_input') throw error
    return { ...figures, reason: `Serving refused a row that training code answered: ${error.message}` }
  }
  if (figures.rows !== expected.kinds.length)
    throw new PlatformError(
      'internal',
      `The parity rows (${figures.rows}) and what is expected of them (${expected.kinds.length}) do not match.`,
    )
  if (figures.rows < fewestRows)
    return { ...figures, reason: `Only ${figures.rows} rows were replayed; a proof takes at least ${fewestRows}.` }
  const passed = figures.flips === 0 && figures.maxDiff <= signature.tolerance
  return { ...figures, passed, reason: passed ? null : `${figures.flips} of ${figures.rows} labels differ; ${worst}.` }
}

const mostBytes = 512 * 2 ** 20

/** What cannot be compared (a NaN, a null) is as far off as a number can say. */
const incomparable = Number.MAX_VALUE

function differenceOf(expected: ParityExpected, row: number, values: Float32Array, at: number, width: number): number {
  const wanted = expected.probabilities ? expected.probabilities[row] : [expected.predictions?.[row]]
  let most = 0
  for (let k = 0; k < width; k++) {
    const one: unknown = wanted?.[k]
    const off =
      typeof one === 'number'
        ? Math.abs(values[at + k]! - one) / (expected.probabilities ? 1 : Math.max(1, Math.abs(one)))
        : Number.NaN
    if (!Number.isFinite(off)) return incomparable
    most = Math.max(most, off)
  }
  return most
}

async function linesOf(files: Files, folder: string): Promise<AsyncIterable<string>> {
  const { stream } = await files.open(folder, 'parity_rows.jsonl')
  return createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })
}
