/** Replays the rows that training code answered over HTTP, to this folder's server as a process of its own, and compares: npm run prove. */
import { spawn } from 'node:child_process'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type ParityExpected, replayParity } from '../domains/evaluation/parity.ts'
import { decisionText } from '../ports/inference/row-prediction.ts'
import type { ModelSignature } from '../ports/inference/signature.ts'
import { openModel } from './model.ts'

const folder = join(import.meta.dirname, '..', '..')
const rowsPerCall = 100
const mediaRowsPerCall = 16

const signature = JSON.parse(readFileSync(join(folder, 'model', 'signature.json'), 'utf8')) as ModelSignature & {
  tolerance: number
}
const rowsFile = join(folder, 'parity', 'parity_rows.jsonl')
if (!existsSync(rowsFile)) {
  console.error('There is no parity/parity_rows.jsonl in this folder: README.md says why.')
  process.exit(2)
}
const expected = JSON.parse(readFileSync(join(folder, 'parity', 'parity_expected.json'), 'utf8')) as ParityExpected
// Places in an image, marked words and turns of speakers have measures of their own, those of the platform's proof.
const ownMeasure: Readonly<Record<string, string>> = {
  detection: 'objects',
  segmentation: 'mask',
  tokens: 'spans',
  diarisation: 'turns',
}
const server = spawn(process.execPath, [join(import.meta.dirname, 'main.js')], {
  env: { ...process.env, HOST: '127.0.0.1', PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
process.once('exit', () => void server.kill())
const url = await new Promise<string>((resolve, reject) => {
  createInterface({ input: server.stdout }).once('line', (line) => resolve((JSON.parse(line) as { url: string }).url))
  server.once('exit', (code) => reject(new Error(`The server ended with ${code} before it answered.`)))
})

const figures = { rows: 0, flips: 0, maxDiff: 0, compared: 0, tolerance: signature.tolerance, worst: null as string | null }
const isMedia = signature.inputs.some(({ tensor }) => tensor === 'image' || tensor === 'audio')
const waiting: unknown[] = []
const field = ownMeasure[signature.task]
if (field !== undefined) await proveByMeasure(field)
for await (const line of createInterface({ input: createReadStream(rowsFile), crlfDelay: Number.POSITIVE_INFINITY })) {
  if (line === '') continue
  waiting.push(JSON.parse(line))
  if (waiting.length === (isMedia ? mediaRowsPerCall : rowsPerCall)) await replay(waiting.splice(0))
}
if (waiting.length > 0) await replay(waiting.splice(0))
server.kill()
const passed =
  figures.rows > 0 &&
  figures.rows === expected.kinds.length &&
  figures.compared === figures.rows &&
  figures.flips === 0 &&
  figures.maxDiff <= figures.tolerance
console.log(JSON.stringify({ passed, ...figures }))
process.exit(passed ? 0 : 1)

/** The rows through the code that answers here, compared as the platform compares them; then the first of them over HTTP. */
async function proveByMeasure(answer: string): Promise<never> {
  const opened = await openModel(folder)
  const read = {
    readJson: async (at: string, name: string) => JSON.parse(readFileSync(join(at, name), 'utf8')),
    open: async (at: string, name: string) => ({ stream: createReadStream(join(at, name)) }),
  }
  const { rows, flips, maxDiff, passed, reason } = await replayParity(
    { files: read as never },
    {
      folder: join(folder, 'parity'),
      signature: signature as never,
      model: opened.model,
      encoder: opened.encoder,
      proof: { fewestRows: 1, labelsOnly: false },
    },
  )
  await opened.close()
  const first: unknown[] = []
  for await (const line of createInterface({ input: createReadStream(rowsFile), crlfDelay: Number.POSITIVE_INFINITY }))
    if (line !== '' && first.push(JSON.parse(line)) === 4) break
  const predictions = await asked(first)
  const isAnswered = predictions.length === first.length && predictions.every((one) => answer in one)
  server.kill()
  const { tolerance } = signature
  const worst = reason ?? (isAnswered ? null : `the server answers without "${answer}"`)
  console.log(JSON.stringify({ passed: passed && isAnswered, rows, flips, maxDiff, compared: rows, tolerance, worst }))
  process.exit(passed && isAnswered ? 0 : 1)
}

async function replay(rows: unknown[]): Promise<void> {
  for (const prediction of await asked(rows)) compare(prediction, figures.rows++)
}

async function asked(rows: unknown[]): Promise<Record<string, unknown>[]> {
  const reply = await fetch(`${url}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(process.env.TOKEN && { authorization: `Bearer ${process.env.TOKEN}` }) },
    body: JSON.stringify({ rows }),
  })
  const text = await reply.text()
  if (!reply.ok)
    throw new Error(`The server refused rows ${figures.rows} to ${figures.rows + rows.length - 1}: ${text.slice(0, 2000)}`)
  return (JSON.parse(text) as { predictions: Record<string, unknown>[] }).predictions
}

function compare(prediction: Record<string, unknown>, row: number): void {
  const decision = prediction.text ?? prediction.labels ?? prediction.label ?? prediction.cluster ?? prediction.isAnomaly
  const wanted = signature.decoding ? expected.texts?.[row] : expected.labels?.[row]
  const { probabilities, predictions } = expected
  let isCompared = false
  if (wanted !== undefined && wanted !== null && decision !== undefined) {
    isCompared = true
    if (decisionText(decision) !== decisionText(wanted)) {
      figures.flips++
      figures.worst ??= `row ${row} (${expected.kinds[row]}) is "${decisionText(wanted).slice(0, 80)}" in training code and "${decisionText(decision).slice(0, 80)}" here`
    }
  }
  if (probabilities?.[row] && prediction.probabilities) {
    isCompared = true
    const served = prediction.probabilities as Record<string, number>
    for (const [k, value] of probabilities[row].entries())
      differs(Math.abs(value - served[signature.classes?.[k] ?? String(k)]!), row)
  }
  if (predictions?.[row] !== undefined && (prediction.value !== undefined || prediction.values !== undefined)) {
    isCompared = true
    const served = [prediction.value ?? prediction.values].flat() as number[]
    // As the platform's own proof: numbers are compared by their size.
    for (const [k, value] of [predictions[row]].flat().entries())
      differs(Math.abs(value - served[k]!) / Math.max(1, Math.abs(value)), row)
  }
  for (const [name, values] of Object.entries(expected.outputs ?? {})) {
    const served = [outputOf(prediction, name)].flat() as number[]
    if (served[0] === undefined) continue
    isCompared = true
    for (const [k, value] of [values[row]!].flat().entries())
      differs(Math.abs(value - served[k]!) / Math.max(1, Math.abs(value)), row)
  }
  if (isCompared) figures.compared++
}

function outputOf(prediction: Record<string, unknown>, name: string): unknown {
  return (prediction.outputs as Record<string, unknown> | undefined)?.[name] ?? prediction[name === 'prediction' ? 'value' : name]
}

function differs(by: number, row: number): void {
  // What cannot be compared is as far off as a number can say.
  const off = Number.isFinite(by) ? by : Number.MAX_VALUE
  if (off <= figures.maxDiff) return
  figures.maxDiff = off
  if (off > figures.tolerance) figures.worst ??= `row ${row} (${expected.kinds[row]}) differs by ${off.toExponential(2)}`
}
