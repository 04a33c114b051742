import * as z from 'zod'
import { Iso, Resource, ResourceInput } from '../auth/schema.ts'
import { Source } from '../datasets/schema.ts'

/** A repository of a model hub, fetched where an administrator allows the host. */
export const HubSource = z.object({
  repository: z
    .string()
    .max(200)
    .regex(/^[\w.-]+(\/[\w.-]+)?$/, 'must be a repository such as distilbert/distilbert-base-uncased'),
  revision: z
    .string()
    .max(200)
    .regex(/^[\w./-]+$/, 'must be a branch, a tag or a commit')
    .default('main')
    .describe('A branch, a tag or a commit; the commit that it stands for is recorded.'),
  address: z
    .url({ protocol: /^https?$/ })
    .max(300)
    .default('https://huggingface.co'),
})

export const Provenance = z.object({
  hub: z.string(),
  repository: z.string(),
  revision: z.string().describe('as it was asked for'),
  commit: z.string().describe('what that was, then'),
  page: z.string(),
  fetchedAt: Iso,
})
export type Provenance = z.infer<typeof Provenance>

export const WeightsInput = ResourceInput.extend({
  source: z
    .union([...Source.options, z.object({ hub: HubSource })])
    .describe(
      'An upload (an archive, or a folder packed as one), a folder of the server that is open for imports, or a repository of a hub.',
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
  madeFrom: z.string().optional().describe('The files that a sandboxed job made it from.'),
})

export const Weights = Resource.extend({
  state: z.enum(['importing', 'ready', 'failed']),
  job: z.string().nullable(),
  licence: z.string(),
  origin: z.string(),
  provenance: Provenance.nullable().describe('From which commit of which repository they were fetched.'),
  architecture: z.string().nullable().describe('model_type of config.json, for example bert.'),
  parameters: z.number().nullable().describe('Numbers in all safetensors files.'),
  sizeBytes: z.number(),
  files: z.array(WeightsFile),
  notes: z.array(z.string()).describe('What was left out, and what to know of the files.'),
})
export type Weights = z.infer<typeof Weights>
export const WeightsCreated = z.object({ weights: Weights, job: z.string() })
