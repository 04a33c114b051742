import type { Outbound } from '../outbound/outbound.ts'
import { externalEmbedder } from './embedder.ts'
import type { ExternalModels } from './external.ts'
import { externalRows } from './rows.ts'
import { externalWriter } from './writer.ts'

/** Models elsewhere, asked through the one way out. */
export const openExternal = (outbound: Outbound): ExternalModels => ({
  writer: (external, { contextLength }) => externalWriter(outbound, external, contextLength),
  embedder: (external, shape) => externalEmbedder(outbound, external, shape),
  rows: (external, signature) => externalRows(outbound, external, signature),
})
