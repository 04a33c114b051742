import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { LoadedModel, OnnxModelFile, PreparedItem, RawBatch } from './inference.ts'
import { microBatch } from './micro-batch.ts'
import { microBatchItems } from './micro-batch-items.ts'
import { openOnnxSession } from './onnx-session.ts'
import { openRemoteSession } from './remote-session.ts'
import { restarting, type Session } from './session.ts'
import { shapeKey } from './session-inputs.ts'
import type { SignatureColumn } from './signature.ts'
import { openTreeSession, type TreeSession } from './trees/tree-session.ts'
import { workerPool } from './worker-pool.ts'

const defaults = {
  /** A graph above this loads in a worker thread: parsing it would hold the event loop. */
  maxInlineBytes: 8 * 1024 * 1024,
  /** A run of one row that takes longer than this does not run on the event loop. */
  maxInlineRunMs: 1,
  threads: Math.max(1, Math.min(2, availableParallelism() - 1)),
  /** On the event loop only where an answer is there at once, without a turn of the loop. */
  mustBeInstant: false,
  /** The most rows of one run that is not on the event loop. */
  rowsPerRun: 256,
}

/** A message to a thread and back takes longer. */
const maxInstantMs = 0.02

/** Rows of images, sounds and tokens are large, and larger runs of them gain nothing. */
const mediaRowsPerRun = 32

const keyOf =
  ({ isMasked = false }: Session) =>
  (item: PreparedItem) =>
    shapeKey(item, isMasked)

/** Limits for a model that is asked apart from what is served. */
export const apartFromOthers: Partial<typeof defaults> = { maxInlineBytes: -1, threads: 1, rowsPerRun: 2048 }

/** The same, but for a model that answers before a message to a thread would be sent. */
export const instantOrApart: Partial<typeof defaults> = { mustBeInstant: true, threads: 1 }

/** Loads a graph where it disturbs nobody: small and fast ones here, slow or large ones in threads, imported ones in a process of their own. */
export async function loadOnnx(model: OnnxModelFile, limits: Partial<typeof defaults> = {}): Promise<LoadedModel> {
  if (model.decoding) return (await import('./texts/open-text-model.ts')).openTextModel(model)
  if (model.turns) return (await import('./turns/open-turns-model.ts')).openTurnsModel(model)
  const { maxInlineBytes, maxInlineRunMs, mustBeInstant, threads, rowsPerRun } = { ...defaults, ...limits }
  const fileBytes = statSync(model.file).size
  if (model.trust === 'imported') return loaded('process', [await remote('process')])
  if (fileBytes <= maxInlineBytes) {
    // Bytes, not a path: the graph then has no folder from which it could name further files.
    const graph = await readFile(model.file)
    const opened = await openOnnxSession(graph, model)
    const session = model.media ? opened : await fastest(opened, graph, model)
    const pace = await measurePace(session, model)
    const isQuick = pace.oneRowMs <= (mustBeInstant ? maxInstantMs : maxInlineRunMs) && (!mustBeInstant || session.runNow)
    if (isQuick) return loaded('inline', [session], pace.bestRows)
    await session.close()
  }
  const sessions = await Promise.all(Array.from({ length: threads }, () => remote('thread')))
  return loaded('threads', sessions)

  function remote(place: 'thread' | 'process'): Promise<Session> {
    return restarting(place, () => openRemoteSession(model, place))
  }

  function loaded(place: LoadedModel['place'], sessions: Session[], bestRows = rowsPerRun): LoadedModel {
    const maxRows = Math.min(bestRows, model.rowsPerRun ?? bestRows)
    const { predict, close, elastic } = model.media
      ? microBatchItems(sessions, model, {
          maxRows: Math.min(maxRows, mediaRowsPerRun),
          keyOf: keyOf(sessions[0]!),
          lengthOf: ({ tokens }) => tokens?.length ?? 0,
        })
      : microBatch(sessions, model, maxRows)
    const runNow = place === 'inline' ? sessions[0]!.runNow : undefined
    const workers = place === 'inline' ? undefined : workerPool(elastic, () => remote(place === 'threads' ? 'thread' : 'process'))
    return {
      kind: 'onnx',
      place,
      predict,
      ...(runNow && {
        predictNow: (batch: RawBatch) => (batch.rows > maxRows ? null : { width: model.width, values: runNow(batch) }),
      }),
      close,
      ...(workers && { workers }),
      get memoryBytes() {
        return fileBytes * elastic.figures().workers
      },
    }
  }
}

/** Trees are walked here where that is faster and answers as ONNX Runtime does; the runtime's session is then let go. */
export async function fastest(session: Session, graph: Uint8Array, model: OnnxModelFile, rows = 16): Promise<Session> {
  const trees = graph.length > maxTreeBytes ? null : readTrees(graph, model)
  if (!trees || !(await answersAlike(trees, session))) return session
  const batch = trees.tryingRows(rows)
  if ((await fastestRunMs(trees, batch)) >= (await fastestRunMs(session, batch))) return session
  await session.close()
  return trees
}

/** Laying out more would hold the event loop for too long. */
const maxTreeBytes = 3 * 2 ** 20

function readTrees(bytes: Uint8Array, model: OnnxModelFile): TreeSession | null {
  try {
    return openTreeSession(bytes, model)
  } catch {
    // The runtime could read it, so it is only written in a way that is not known here.
    return null
  }
}

const triedRows = 512
const mostDifference = 1e-6

async function answersAlike(trees: TreeSession, session: Session): Promise<boolean> {
  const batch = trees.tryingRows(triedRows)
  const [ours, theirs] = await Promise.all([trees.run(batch), session.run(batch)])
  return ours.every((value, i) => Math.abs(value - theirs[i]!) <= mostDifference * Math.max(1, Math.abs(theirs[i]!)))
}

async function fastestRunMs(session: Session, batch: RawBatch): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY
  await session.run(batch)
  for (let i = 0; i < 3; i++) {
    const start = performance.now()
    await session.run(batch)
    fastest = Math.min(fastest, performance.now() - start)
  }
  return fastest
}

/** How long one row takes, and the batch size whose rows are cheapest among those that hold the loop for at most a millisecond or so. */
async function measurePace(session: Session, model: OnnxModelFile): Promise<{ oneRowMs: number; bestRows: number }> {
  let oneRowMs = Number.POSITIVE_INFINITY
  let bestRows = 1
  let bestRowMs = Number.POSITIVE_INFINITY
  for (const rows of [1, 8, 32, 128, 512]) {
    const fastest = await fastestRunMs(session, blankRows(rows, model))
    if (rows === 1) oneRowMs = fastest
    // A larger batch must pay for the longer hold.
    if (fastest / rows < bestRowMs * 0.9) {
      bestRowMs = fastest / rows
      bestRows = rows
    }
    if (fastest > 1) break
  }
  return { oneRowMs, bestRows: Math.max(bestRows, 8) }
}

/** Rows of differing numbers, so that trees are walked along differing paths. */
function blankRows(rows: number, { numberColumns, stringColumns, media }: OnnxModelFile): RawBatch {
  const numbers = new Float64Array(rows * numberColumns)
  for (let i = 0; i < numbers.length; i++) numbers[i] = ((i * 37) % 101) / 50 - 1
  const strings = new Array<string>(rows * stringColumns).fill('')
  return { rows, numbers, strings, ...(media && { items: new Array<PreparedItem>(rows).fill(blankItem(media)) }) }
}

function blankItem(media: readonly SignatureColumn[]): PreparedItem {
  const item: PreparedItem = {}
  for (const { tensor, size: [height, width] = [1, 1], channels = 3, sampleRate = 16_000, samples, maxLength = 512 } of media) {
    if (tensor === 'image') item.image = new Uint8Array(height * width * channels)
    if (tensor === 'audio') item.audio = new Float32Array(samples ?? sampleRate)
    if (tensor === 'tokens') item.tokens = new Int32Array(Math.min(maxLength, 32))
  }
  return item
}
