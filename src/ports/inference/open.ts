import { openTableScorer, type TableScorer } from './bulk/table-scorer.ts'
import { compileEncoder } from './encode.ts'
import type { Inference, LoadedModel, LoadOptions } from './inference.ts'
import { askedModel } from './measure/asked-model.ts'
import { openMeasured } from './measure/measured-model.ts'
import { apartFromOthers, instantOrApart, loadOnnx } from './onnx.ts'
import { loadPython, type PythonNeeds } from './python.ts'
import { openRawGraph } from './raw/raw-graph.ts'
import { shapeOf } from './signature.ts'
import { openTreeExplainer } from './trees/open-tree-explainer.ts'

const limitsOf = (apart: LoadOptions['apart']) => (apart === 'unless-instant' ? instantOrApart : apart ? apartFromOthers : {})

/** Inference on this machine: graphs by ONNX Runtime, the rest by marked Python workers. */
export function openInference(needs: PythonNeeds): Inference {
  const open = new Set<LoadedModel>()
  const encoders = new Set<() => Promise<void>>()
  const scorers = new Set<TableScorer>()
  function keep(model: LoadedModel): LoadedModel {
    const kept: LoadedModel = {
      ...model,
      get memoryBytes() {
        return model.memoryBytes
      },
      async close() {
        open.delete(kept)
        await model.close()
      },
    }
    open.add(kept)
    return kept
  }
  return {
    load: async (model, { apart = false } = {}) => keep(await loadOnnx(model, limitsOf(apart))),
    explainTrees: openTreeExplainer,
    openRaw: openRawGraph,
    loadPython: async (model) => keep(await loadPython(needs, model)),
    async openEncoder(model) {
      if (!shapeOf(model.signature).media) return compileEncoder(model.signature)
      // Only where it is needed: what decodes images takes memory.
      const { openMediaEncoder } = await import('./media/encode-media.ts')
      const encoder = await openMediaEncoder(model)
      const close = async () => {
        encoders.delete(close)
        await encoder.close?.()
      }
      encoders.add(close)
      return { ...encoder, close }
    },
    async openMeasured(model) {
      if (model.served === 'onnx') return openMeasured(model)
      // The Python worker is a process of its own already; its memory is not ours to see.
      const worker = await this.loadPython(model)
      const encoder = await this.openEncoder(model)
      const ask = askedModel(model.signature, encoder, worker)
      return {
        place: worker.place,
        ask: async (requests) => ({ ...(await ask(requests)), energyWh: null }),
        memoryBytes: async () => null,
        async close() {
          await worker.close()
          await encoder.close?.()
        },
      }
    },
    async scoreTable(scoring) {
      const scorer = await openTableScorer(scoring)
      scorers.add(scorer)
      return {
        ...scorer,
        async close() {
          scorers.delete(scorer)
          await scorer.close()
        },
      }
    },
    async close() {
      await Promise.all([...scorers].map((scorer) => scorer.close()))
      await Promise.all([...open].map((model) => model.close()))
      await Promise.all([...encoders].map((shut) => shut()))
    },
  }
}
