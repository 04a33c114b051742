import * as z from 'zod'
import { Resource, ResourceInput } from '../auth/schema.ts'
import { Source } from '../datasets/schema.ts'

export const WeightsInput = ResourceInput.extend({
  source: Source.describe(
    'An upload (an archive, or a folder packed as one), or a folder of the server that is open for imports.',
  ),
  licence: z
    .string()
    .max(200)
    .default('')
    .describe('As its makers state it, for example apache-2.0; read from the files when absent.'),
  origin: z.string().max(500).default('').describe('Where the weights are from: an address, a paper, a person.'),
})

export const WeightsFile = z.object({
  path: z.string(),
  sha256: z.string(),
  sizeBytes: z.number(),
  sandboxOnly: z.boolean().describe('Of a kind that can run code when it is read: only a sandboxed job may open it.'),
})

export const Weights = Resource.extend({
  state: z.enum(['importing', 'ready', 'failed']),
  job: z.string().nullable(),
  licence: z.string(),
  origin: z.string(),
  architecture: z.string().nullable().describe('model_type of config.json, for example bert.'),
  parameters: z.number().nullable().describe('Numbers in all safetensors files.'),
  sizeBytes: z.number(),
  files: z.array(WeightsFile),
  notes: z.array(z.string()).describe('What was left out, and what to know of the files.'),
})
export type Weights = z.infer<typeof Weights>
export const WeightsCreated = z.object({ weights: Weights, job: z.string() })
