import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { OnnxModelFile, RawBatch } from '../inference.ts'
import { type LocalTreeExplainer, openTreeExplainerHere } from './tree-explainer.ts'

// Runs in a worker thread: TreeSHAP is arithmetic for milliseconds to seconds.

export type TreeRequest = { id: number } & ({ model: OnnxModelFile } | { batch: RawBatch })

let explainer: LocalTreeExplainer | null = null
let last: Promise<void> = Promise.resolve()

async function answer(request: TreeRequest): Promise<void> {
  try {
    if ('model' in request) {
      explainer = await openTreeExplainerHere(readFileSync(request.model.file), request.model)
      const { features = 0, outputs = 0, expected = new Float64Array(), unit = 'margin' } = explainer ?? {}
      parentPort!.postMessage({ id: request.id, value: explainer && { features, outputs, expected, unit } })
    } else parentPort!.postMessage({ id: request.id, value: await explainer!.explain(request.batch) })
  } catch (error) {
    parentPort!.postMessage({ id: request.id, error: (error as Error).message })
  }
}

parentPort!.on('message', (request: TreeRequest) => {
  last = last.then(() => answer(request))
})
