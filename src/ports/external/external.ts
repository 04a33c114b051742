import type { LoadedModel } from '../inference/inference.ts'
import type { ModelSignature } from '../inference/signature.ts'
import type { LanguageModel, TextEmbedder } from '../language/language.ts'

export const externalProtocols = ['openai', 'http'] as const

/** A model that answers elsewhere, by HTTP. */
export interface ExternalModel {
  protocol: (typeof externalProtocols)[number]
  /** openai: the base URL, up to `/v1`. http: where rows are sent. */
  url: string
  /** openai: what the model is called there. */
  model: string | null
  /** A header with a secret, sent to that URL alone. */
  header: { name: string; value: string } | null
  timeoutMs: number
}

/** Models elsewhere, as models here; what may be reached is the outbound port's to say, at every call. */
export interface ExternalModels {
  writer(external: ExternalModel, shape: { contextLength: number }): LanguageModel
  embedder(external: ExternalModel, shape: { contextLength: number; width: number | null }): TextEmbedder
  rows(external: ExternalModel, signature: ModelSignature): LoadedModel
}
