import type { Executor } from '../executors/executor.ts'
import { loadEmbedder } from './embedder.ts'
import type { LanguageModels } from './language.ts'
import { loadWriter } from './writer.ts'

export interface LanguageNeeds {
  executor: Executor
  /** How long a prompt may take to be made by the template of a model; half a minute unless told. */
  promptMs?: number
}

/** Language models by llama.cpp: each in a confined process of its own, at one request after another. */
export function openLanguage({ executor, promptMs = 30_000 }: LanguageNeeds): LanguageModels {
  const open = new Set<{ close(): Promise<void> }>()

  /** Remembers a model until it is closed. */
  function kept<M extends { close(): Promise<void> }>(model: M): M {
    const own: M = {
      ...model,
      async close() {
        open.delete(own)
        await model.close()
      },
    }
    open.add(own)
    return own
  }

  return {
    load: async (wanted) => kept(await loadWriter({ executor, promptMs }, wanted)),
    loadEmbedder: async (wanted) => kept(await loadEmbedder({ executor, promptMs }, wanted)),
    async close() {
      await Promise.all([...open].map((model) => model.close()))
    },
  }
}
