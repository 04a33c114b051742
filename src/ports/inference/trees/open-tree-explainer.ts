import { Worker } from 'node:worker_threads'
import { PlatformError } from '../../../kernel/errors.ts'
import type { OnnxModelFile, RawBatch } from '../inference.ts'
import type { LocalTreeExplainer, TreeContributions, TreeFacts } from './tree-explainer.ts'
import type { TreeRequest } from './tree-explainer-remote.ts'

export type TreeExplainer = LocalTreeExplainer

const script = new URL('./tree-explainer-remote.ts', import.meta.url)

/** Opens a graph's trees in a thread of their own; null where they cannot be explained by their paths. Imported graphs are never opened here. */
export async function openTreeExplainer(model: OnnxModelFile): Promise<TreeExplainer | null> {
  if (model.trust === 'imported') return null
  const worker = new Worker(script)
  worker.unref()
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let nextId = 0
  let ended: Error | null = null

  worker.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
    const call = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) call?.resolve(value)
    else call?.reject(new Error(error))
  })
  const end = (how: string) => {
    ended = new PlatformError('unavailable', `The thread that explains trees ${how}. Try again.`)
    for (const call of waiting.values()) call.reject(ended)
    waiting.clear()
  }
  worker.on('error', (error) => end(`failed: ${(error as Error).message}`))
  worker.on('exit', () => end('has ended'))

  function ask(request: { model: OnnxModelFile } | { batch: RawBatch }): Promise<unknown> {
    if (ended) return Promise.reject(ended)
    const id = nextId++
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, ...request } satisfies TreeRequest)
    })
  }

  try {
    const facts = (await ask({ model })) as TreeFacts | null
    if (!facts) {
      await worker.terminate()
      return null
    }
    return {
      ...facts,
      explain: async (batch) => (await ask({ batch })) as TreeContributions,
      close: async () => void (await worker.terminate()),
    }
  } catch (error) {
    await worker.terminate()
    throw error
  }
}
