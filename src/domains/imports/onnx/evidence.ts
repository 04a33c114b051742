import { isPlatformError, PlatformError } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { AnyEncoder } from '../../../ports/inference/encode.ts'
import type { Inference } from '../../../ports/inference/inference.ts'
import { compileDecision, compilePrediction } from '../../../ports/inference/row-prediction.ts'
import { numbersOf } from '../../../ports/inference/signature.ts'
import type { OnnxFacts } from '../inspect/onnx.ts'
import { drawnRows } from './drawn-rows.ts'
import { askOriginal, askServed, readable } from './original.ts'
import type { OnnxPlan } from './plan.ts'

type Row = Record<string, unknown>

/** What the original said of rows, as parity_rows.jsonl and parity_expected.json; null where nothing of it can be compared. */
export interface GraphEvidence {
  rows: number
  labelsOnly: boolean
}

const wantedRows = 1000
const rowsPerCall = 256
/** Of all rows together: those of large tensors are fewer. */
const mostNumbers = 2 ** 21
/** Of answers that were written down: they have been rounded. */
const writtenTolerance = 1e-3

/**
 * Asks the original graph, unchanged and by its own tensors, for the person's rows and for rows made from them (or drawn, where there are none),
 * and writes down what it says for the replay.
 */
export async function writeEvidence(
  { files, inference }: { files: Files; inference: Pick<Inference, 'openRaw' | 'openEncoder'> },
  {
    file,
    servedFile,
    onnx,
    plan,
    sample,
    expected,
  }: {
    file: string
    /** The graph with the platform's inputs and outputs: it tells the scores that an original hides in dictionaries. */
    servedFile: string
    onnx: OnnxFacts
    plan: OnnxPlan
    sample: Row[]
    expected: { column: string; values: unknown[] } | null
  },
  folder: string,
): Promise<GraphEvidence | null> {
  const fetch = readable(plan, onnx)
  // Weights in other files cannot be reached from a graph's bytes, and tokens are made by the platform alone: there is no second way to ask.
  if (!fetch || onnx.external.length > 0 || plan.inputs.some(({ from }) => from === 'as it is')) return null
  const { signature } = plan
  const each = signature.inputs.reduce((sum, input) => sum + Math.max(1, numbersOf(input)), 0)
  const wanted = Math.max(8, Math.min(wantedRows, Math.floor(mostNumbers / each)))
  const rows = [...sample, ...drawnRows(signature.inputs, sample, wanted - sample.length)]
  if (rows.length === 0) return null
  const encoder = await inference.openEncoder({ folder, signature, trust: 'imported', served: 'onnx' })
  const graph = await inference.openRaw(file)
  const telling = expected && fetch.scores === null ? await inference.openRaw(servedFile) : null
  const decide = compileDecision(signature)
  const predict = compilePrediction(signature)
  const kinds: string[] = []
  const labels: string[] = []
  const scores: number[][] = []
  const kept: Row[] = []

  async function ask(part: Row[], first: number): Promise<void> {
    const { batch } = await encoder.encode(part)
    const said = await askOriginal(graph, { plan, onnx, fetch: fetch! }, batch)
    const served = telling && (await askServed(telling, plan, batch))
    part.forEach((row, r) => {
      const label = said.labels?.[r] ?? (decide && said.scores ? decide(said.scores, r) : null)
      if (expected && first + r < sample.length) {
        const scores = said.scores ?? served
        const answer = scores ? predict(scores, r) : {}
        refuseOther(expected, first + r, {
          label,
          value: answer.value,
          probabilities: answer.probabilities,
          positive: signature.positive,
        })
      }
      kept.push(row)
      kinds.push(first + r < sample.length ? 'held_out' : 'perturbed')
      if (label !== null) labels.push(label)
      if (said.scores) scores.push([...said.scores.values.subarray(r * said.scores.width, (r + 1) * said.scores.width)])
    })
  }

  const step = signature.rowsPerRun ?? Math.max(1, Math.min(rowsPerCall, Math.floor(mostNumbers / 8 / each)))
  try {
    for (let at = 0; at < rows.length; at += step) {
      try {
        await ask(rows.slice(at, at + step), at)
      } catch (error) {
        // Rows of our own making may lie where the original answers nothing (a category that it never saw).
        if (at < sample.length || (isPlatformError(error) && error.code === 'unprocessable')) throw error
        break
      }
    }
  } finally {
    await graph.close()
    await telling?.close()
    await (encoder as AnyEncoder).close?.()
  }
  if (kept.length === 0) return null
  const name = plan.outputs[0]!.name
  await files.writeText(folder, 'parity_rows.jsonl', `${kept.map((row) => JSON.stringify(row)).join('\n')}\n`)
  await files.writeJson(folder, 'parity_expected.json', {
    kinds,
    probabilities: name === 'probabilities' && scores.length > 0 ? scores : null,
    predictions: name === 'prediction' ? scores.map(([value]) => value) : null,
    ...(name === 'vector' && { outputs: { vector: scores } }),
    labels: labels.length > 0 ? labels : null,
  })
  return { rows: kept.length, labelsOnly: fetch.scores === null }
}

/** The person's own record of the original's answers, where it differs from what the file says. */
function refuseOther(
  { column, values }: { column: string; values: unknown[] },
  row: number,
  said: { label: string | null; value?: number; probabilities?: Record<string, number>; positive: string | null },
): void {
  const wanted = values[row]
  const number =
    said.value ?? (said.positive !== null && typeof wanted === 'number' ? said.probabilities?.[said.positive] : undefined)
  const isSame =
    wanted === null ||
    String(wanted) === said.label ||
    (number !== undefined &&
      typeof wanted === 'number' &&
      Math.abs(number - wanted) <= writtenTolerance * Math.max(1, Math.abs(wanted)))
  if (isSame) return
  throw new PlatformError(
    'unprocessable',
    `Row ${row} of the sample says "${String(wanted)}" in "${column}"; the model answers ${number ?? `"${said.label}"`}. It is not the model that gave these answers, or its columns are in another order.`,
    { row, column, wanted: String(wanted), answered: number ?? said.label },
  )
}
