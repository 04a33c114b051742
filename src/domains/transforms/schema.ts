import * as z from 'zod'
import { Iso, Name, Ref, Resource, ResourceInput } from '../auth/schema.ts'
import { ReadOptions } from '../datasets/schema.ts'
import { GenerateSettings } from '../endpoints/writing-schema.ts'

export const outputFormats = ['parquet', 'csv', 'jsonl'] as const

/** How documents become rows. */
const DocumentsBy = z
  .enum(['document', 'page'])
  .optional()
  .describe(
    'of a folder, an archive or a file of documents (.txt .md .rst .html .pdf .docx .odt): a row for each, or for each page',
  )

/** What a language model is asked about a row: `{{column}}` stands for a value. */
export const PromptTemplate = z.union([
  z.string().min(1).max(100_000).describe('text to go on from'),
  z
    .strictObject({ system: z.string().min(1).max(100_000).optional(), user: z.string().min(1).max(100_000) })
    .describe('a conversation to answer in'),
])
export type PromptTemplate = z.infer<typeof PromptTemplate>

/** Rows to be answered: a version of a data set (all of it, or an open part of a split), or a file that was sent. */
export const TransformRows = z.union([
  z.strictObject({
    dataset: Ref,
    version: z.string().max(80).optional().describe('id or number; the newest that is ready when absent'),
    split: z.string().max(80).optional().describe('with `part`: only those rows of this split'),
    part: z.enum(['train', 'validation']).optional(),
  }),
  z.strictObject({ upload: z.string().max(80), options: ReadOptions.partial().optional(), documents: DocumentsBy }),
  z.strictObject({ serverPath: z.string().max(4000), options: ReadOptions.partial().optional(), documents: DocumentsBy }),
])

export const TransformOutput = z.strictObject({
  format: z.enum(outputFormats).nullable().default('parquet').describe('of the file to download; null: no file'),
  dataset: z
    .union([
      z.strictObject({ name: Name }).describe('a data set of its own'),
      z.strictObject({ addTo: z.literal('input') }).describe('a further version of the data set whose rows they are'),
    ])
    .nullable()
    .default(null)
    .describe('the rows with their predictions as a version of a data set'),
})

export const TransformInput = ResourceInput.omit({ name: true })
  .extend({
    name: Name.optional().describe('made of the model and the rows when absent'),
    model: Ref.optional().describe('name, name:version, or id of a model version'),
    endpoint: Ref.optional().describe('instead of a model: the version that an endpoint serves now'),
    input: TransformRows,
    inputs: z
      .record(z.string().max(200), z.string().max(200))
      .default({})
      .describe('where they differ: the column of the rows for an input of the model, such as { "prompt": "question" }'),
    output: TransformOutput.prefault({}),
    keep: z
      .union([z.literal('all'), z.literal('none'), z.array(z.string().max(200)).max(2000)])
      .default('all')
      .describe('columns of the rows that stand beside their predictions in the file; a version of a data set keeps all'),
    prefix: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_. -]{0,59}$/, 'Begin with a letter or _; then letters, digits and _ . -')
      .default('predicted_')
      .describe('put before the names of the answers'),
    onBad: z
      .enum(['fail', 'null'])
      .default('fail')
      .describe('a row that has no answer ends the work, or stays without one and says why in a column <prefix>error'),
    prompt: PromptTemplate.optional().describe('language models only: what is asked about each row, such as "Sum up: {{text}}"'),
    generation: GenerateSettings.optional().describe('language models only'),
  })
  .refine(({ model, endpoint }) => (model === undefined) !== (endpoint === undefined), {
    error: 'Name either a "model" or an "endpoint".',
  })

export const TransformResult = z.object({
  rows: z.number(),
  bad: z.number().describe('rows without an answer'),
  columns: z.array(z.string()).describe('of the file, or else of the data set'),
  answers: z.array(z.string()).describe('the columns that the model made'),
  file: z.object({ format: z.enum(outputFormats), filename: z.string(), sha256: z.string(), sizeBytes: z.number() }).nullable(),
  dataset: z.object({ id: z.string(), version: z.string() }).nullable(),
  seconds: z.object({ read: z.number(), predict: z.number(), write: z.number() }),
  ran: z.string().describe('how the model was asked'),
  notes: z.array(z.string()).default([]).describe('what was noticed while the rows were read, such as files that are in no row'),
  documents: z
    .object({
      files: z.number(),
      unread: z.array(z.object({ path: z.string(), why: z.string() })).describe('the first of those without text, and why'),
      unreadCount: z.number(),
      leftOut: z.array(z.object({ path: z.string(), why: z.string() })),
    })
    .nullable()
    .default(null)
    .describe('where the rows were documents'),
})
export type TransformResult = z.infer<typeof TransformResult>

export const Transform = Resource.extend({
  state: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  job: z.string(),
  model: z.string().describe('id of the model'),
  modelName: z.string(),
  version: z.string(),
  versionNumber: z.number(),
  endpoint: z.string().nullable(),
  rows: z.string().describe('where the rows are from, in words'),
  input: z.record(z.string(), z.unknown()),
  output: z.record(z.string(), z.unknown()),
  keep: z.union([z.string(), z.array(z.string())]),
  prefix: z.string(),
  onBad: z.enum(['fail', 'null']),
  result: TransformResult.nullable(),
  failure: z.string().nullable(),
  finishedAt: Iso.nullable(),
})
export type Transform = z.infer<typeof Transform>

export const TransformPreview = z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.unknown())), total: z.number() })
