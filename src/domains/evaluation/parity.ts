import { createInterface } from 'node:readline'
import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'
import type { AnyEncoder } from '../../ports/inference/encode.ts'
import type { LoadedModel } from '../../ports/inference/inference.ts'
import { compileDecision, decisionText } from '../../ports/inference/row-prediction.ts'
import { mediaTensors, type OutputPlace, outputPlaces } from '../../ports/inference/signature.ts'
import type { Signature } from '../registry/schema.ts'
import { compilePlaces, type ExpectedPlaces } from './parity-places.ts'

/** parity_expected.json (docs/job-contract.md): what training code said about each row of parity_rows.jsonl. */
export interface ParityExpected extends ExpectedPlaces {
  kinds: ('held_out' | 'missing_injected' | 'unseen_injected' | 'perturbed')[]
  probabilities: number[][] | null
  predictions: number[] | number[][] | null
  /** Further outputs by name, where the signature names its outputs. */
  outputs?: Record<string, number[] | number[][]>
  /** The class; for several labels a list of them, for groups their number, for anomalies true or false. */
  labels: (string | string[] | number | boolean)[] | null
  /** The text, where that is the answer. */
  texts?: string[]
  /** Every sealed row is among these rows. */
  complete?: boolean
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

/** What the replay of an original from elsewhere may do with: it is what its owner has of it. */
export interface Proof {
  fewestRows: number
  /** The original tells classes without their probabilities: only these are compared. */
  labelsOnly: boolean
}

/**
 * Fewer rows prove too little. A small sealed part of a table is asked again with other cells missing or unseen until there are as many;
 * images, sounds and texts have no cells, so that all of their sealed rows are enough.
 */
const fewestRows = 1000
const rowsPerCall = 256
/** Media in JSON lines are large: fewer rows are held at once. */
const mediaRowsPerCall = 32

/**
 * Sends the rows that training code answered through the code that serves (encoder, model, label rule) and compares:
 * no label may differ, no probability by more than the tolerance, no number by more than the tolerance of its size.
 */
export async function replayParity(
  { files }: { files: Pick<Files, 'readJson' | 'open'> },
  {
    folder,
    signature,
    model,
    encoder,
    proof,
  }: { folder: string; signature: Signature; model: LoadedModel; encoder: AnyEncoder; proof?: Proof },
): Promise<ParityFigures> {
  const expected = (await files.readJson(folder, 'parity_expected.json', mostBytes)) as ParityExpected
  const places = outputPlaces(signature)
  const decide = compileDecision(signature)
  const placesApart = compilePlaces(signature, expected)
  const isMedia = signature.inputs.some(({ tensor }) => mediaTensors.has(tensor))
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
    const scores = await model.predict((await encoder.encode(rows)).batch)
    for (let r = 0; r < rows.length; r++) {
      const row = first + r
      const off = placesApart
        ? placesApart(scores, r, row)
        : proof?.labelsOnly
          ? 0
          : differenceOf(expected, row, places, scores.values, r * scores.width)
      if (off > figures.maxDiff) {
        figures.maxDiff = off
        worst = `row ${row} (${expected.kinds[row]}) differs by ${off.toExponential(2)}`
      }
      if (placesApart && off > signature.tolerance) {
        figures.flips++
        worst = `row ${row} (${expected.kinds[row]}) is answered differently, by ${off.toExponential(2)}`
      }
      if (!decide) continue
      const label = decide(scores, r)
      const wanted = decisionText(signature.decoding ? expected.texts?.[row] : expected.labels?.[row])
      if (label === wanted) continue
      figures.flips++
      if (figures.flips === 1)
        worst = `row ${row} (${expected.kinds[row]}) is "${shortened(wanted)}" in training code and "${shortened(label)}" when served`
    }
    figures.rows += rows.length
  }

  try {
    const batch: unknown[] = []
    for await (const line of await linesOf(files, folder)) {
      if (line === '') continue
      batch.push(JSON.parse(line))
      if (batch.length === (isMedia ? mediaRowsPerCall : rowsPerCall)) await compare(batch.splice(0))
    }
    if (batch.length > 0) await compare(batch)
  } catch (error) {
    if (!isPlatformError(error) || !refusals.has(error.code)) throw error
    return { ...figures, reason: `Serving refused a row that training code answered: ${error.message}` }
  }
  if (figures.rows !== expected.kinds.length)
    throw new PlatformError(
      'internal',
      `The parity rows (${figures.rows}) and what is expected of them (${expected.kinds.length}) do not match.`,
    )
  const fewest = proof?.fewestRows ?? fewestRows
  if (figures.rows < fewest && !(isMedia && expected.complete === true && figures.rows > 0))
    return { ...figures, reason: `Only ${figures.rows} rows were replayed; a proof takes at least ${fewest}.` }
  const passed = figures.flips === 0 && figures.maxDiff <= signature.tolerance
  const what = signature.decoding ? 'texts' : signature.turns ? 'recordings' : 'labels'
  return { ...figures, passed, reason: passed ? null : `${figures.flips} of ${figures.rows} ${what} differ; ${worst}.` }
}

/** What says that a row was not taken; anything else is a fault. */
const refusals: ReadonlySet<string> = new Set(['invalid_input', 'unprocessable'])

const mostBytes = 512 * 2 ** 20

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

/** What cannot be compared (a NaN, a null) is as far off as a number can say. */
const incomparable = Number.MAX_VALUE

function differenceOf(
  expected: ParityExpected,
  row: number,
  places: readonly OutputPlace[],
  values: Float32Array,
  at: number,
): number {
  let most = 0
  let compared = false
  for (const { name, offset, width } of places) {
    const said = saidOf(expected, name)
    // The group is a decision, which is compared as such.
    if (name === 'cluster') continue
    // Training code may leave out what is beside the main output, never that.
    if (said === undefined && compared) continue
    compared = true
    const wanted = said?.[row]
    for (let k = 0; k < width; k++) {
      const one: unknown = Array.isArray(wanted) ? wanted[k] : wanted
      const size = name === 'probabilities' || typeof one !== 'number' ? 1 : Math.max(1, Math.abs(one))
      const off = typeof one === 'number' ? Math.abs(values[at + offset + k]! - one) / size : Number.NaN
      if (!Number.isFinite(off)) return incomparable
      most = Math.max(most, off)
    }
  }
  return most
}

/** What training code said of an output; undefined for one that it may leave out, null where it must not have. */
function saidOf(expected: ParityExpected, name: string): number[] | number[][] | null | undefined {
  if (name === 'probabilities') return expected.outputs?.probabilities ?? expected.probabilities
  if (name === 'prediction') return expected.outputs?.prediction ?? expected.predictions
  return expected.outputs?.[name]
}

async function linesOf(files: Pick<Files, 'open'>, folder: string): Promise<AsyncIterable<string>> {
  const { stream } = await files.open(folder, 'parity_rows.jsonl')
  return createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })
}
