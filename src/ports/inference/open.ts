import type { Inference, LoadedModel } from './inference.ts'
import { apartFromOthers, loadOnnx } from './onnx.ts'
import { loadPython, type PythonNeeds } from './python.ts'

/** Inference on this machine: graphs by ONNX Runtime, the rest by marked Python workers. */
export function openInference(needs: PythonNeeds): Inference {
  const open = new Set<LoadedModel>()
  function keep(model: LoadedModel): LoadedModel {
    const kept = {
      ...model,
      async close() {
        open.delete(kept)
        await model.close()
      },
    }
    open.add(kept)
    return kept
  }
  return {
    load: async (model, { apart = false } = {}) => keep(await loadOnnx(model, apart ? apartFromOthers : {})),
    loadPython: async (model) => keep(await loadPython(needs, model)),
    async close() {
      await Promise.all([...open].map((model) => model.close()))
    },
  }
}
