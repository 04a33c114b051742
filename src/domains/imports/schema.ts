import * as z from 'zod'
import { runtimeNames } from '../../ports/engines/runtimes.ts'
import { Name, Ref, ResourceInput } from '../auth/schema.ts'
import { Source } from '../datasets/schema.ts'
import { Task } from '../goals/schema.ts'
import { SignatureInput } from '../registry/schema.ts'

/** Formats of models that can be brought. */
export const formats = [
  'onnx',
  'gguf',
  'transformers',
  'torchscript',
  'sklearn',
  'xgboost',
  'lightgbm',
  'catboost',
  'custom',
] as const
export const FormatName = z.enum(formats)
export type FormatName = z.infer<typeof FormatName>
/** What a format may lie in. */
export const containers = ['mlflow', 'sagemaker'] as const

const ColumnName = z.string().min(1).max(200)

/** How a picture becomes the numbers that a network takes. */
export const ImagePreparation = z.object({
  size: z
    .tuple([z.number().int().min(8).max(4096), z.number().int().min(8).max(4096)])
    .optional()
    .describe('Height and width, where the network leaves them free.'),
  fit: z.enum(['stretch', 'crop', 'pad']).optional().describe('How a picture of another shape is made to that size.'),
  resized: z.number().int().min(8).max(8192).optional().describe('Of "crop": the short side before the middle is cut out.'),
  scale: z.number().optional().describe('Pixels (0 to 255) are multiplied by it first; 1/255 where mean or std are said.'),
  mean: z.array(z.number()).min(1).max(4).optional().describe('Then taken off, by colour.'),
  std: z.array(z.number()).min(1).max(4).optional().describe('Then divided by, by colour.'),
  layout: z.enum(['NCHW', 'NHWC']).optional().describe('Where the colours are, where the sizes do not show it.'),
  colours: z.enum(['rgb', 'bgr']).optional(),
  channels: z
    .union([z.literal(1), z.literal(3)])
    .optional()
    .describe('Of a program that does not tell: 3 unless said.'),
})
export type ImagePreparation = z.infer<typeof ImagePreparation>

/** What only the person can say; everything is optional where the file says it. */
export const ImportAnswers = z.object({
  format: z
    .enum(['auto', ...formats, ...containers])
    .default('auto')
    .describe('What it must be; its bytes say what it is.'),
  file: z.string().max(1000).optional().describe('The model within a folder that holds several.'),
  task: Task.optional(),
  target: ColumnName.optional().describe('What it predicts; a column of this name in the sample is no input.'),
  classes: z.array(z.string().min(1).max(200)).min(2).max(10_000).optional().describe('In the order of its scores.'),
  positive: z.string().max(200).optional(),
  threshold: z.number().min(0).max(1).optional(),
  columns: z
    .union([z.array(ColumnName).min(1).max(20_000), z.literal('numbered')])
    .optional()
    .describe('Names of its inputs in its order; "numbered" calls them x0, x1, …'),
  scores: z
    .enum(['probabilities', 'logits'])
    .optional()
    .describe('What the numbers are that a classifier in ONNX or TorchScript answers with.'),
  takes: z
    .enum(['rows', 'tensor', 'image'])
    .optional()
    .describe('What a graph or program is given: rows of columns, tensors of numbers, or pictures.'),
  image: ImagePreparation.optional(),
  sizes: z
    .array(
      z
        .number()
        .int()
        .min(1)
        .max(2 ** 24),
    )
    .max(64)
    .optional()
    .describe('What a graph over tensors leaves free beside the rows, in its order.'),
  runtime: z.enum(runtimeNames).optional().describe('Whose packages code of your own needs: "deep" has torch and transformers.'),
  contentType: z.enum(['text/csv', 'application/json']).optional().describe('How rows are given to an input_fn of your own.'),
  sample: Source.optional().describe(
    'A table of rows (CSV, Parquet, JSON lines) on which the original and what is served are compared.',
  ),
  expected: ColumnName.optional().describe("A column of the sample that holds the original's answers."),
})
export type ImportAnswers = z.output<typeof ImportAnswers>

export const InspectInput = ImportAnswers.extend({ source: Source, project: Ref.optional() })
export const ImportInput = ImportAnswers.extend({
  ...ResourceInput.omit({ tags: true }).shape,
  name: Name.describe('Of the model; a model of that name gets another version.'),
  source: Source,
  licence: z.string().max(200).default('').describe('As its makers state it; read from the files when absent.'),
  origin: z.string().max(500).default('').describe('Where it is from: an address, a paper, a person.'),
})
export type ImportInput = z.output<typeof ImportInput>

export const Missing = z.object({
  field: z.string(),
  why: z.string(),
  choices: z.array(z.string()),
})
export type Missing = z.infer<typeof Missing>

const Tensor = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number().nullable()).nullable() })

/** What was found in an upload without running anything of it. */
export const Inspection = z.object({
  format: FormatName,
  container: z.enum(containers).nullable(),
  file: z.string(),
  marked: z.enum(['pickle', 'code']).nullable().describe('Can run code when it is loaded: only the sandbox loads it.'),
  algorithm: z.string(),
  task: Task.nullable(),
  target: z.string().nullable(),
  classes: z.array(z.string()).nullable(),
  columns: z.array(z.object({ name: z.string(), type: z.string().nullable() })).nullable(),
  width: z.number().nullable().describe('How many columns it takes, where only that is known.'),
  graph: z
    .object({
      opset: z.number(),
      inputs: z.array(Tensor),
      outputs: z.array(Tensor),
      operators: z.record(z.string(), z.number()),
      parameters: z.number(),
    })
    .nullable()
    .describe('Of ONNX: its tensors.'),
  signature: z
    .object({ inputs: z.array(SignatureInput) })
    .nullable()
    .describe('Where it is settled without running anything.'),
  convertedBy: z
    .enum(['server', 'job', 'nobody'])
    .describe('Who makes what is served: the server, a job in the sandbox, or it is served as it is.'),
  licence: z.string(),
  sha256: z.string().describe('Of the upload; of a folder, of the list of its files.'),
  sizeBytes: z.number(),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number() })),
  missing: z.array(Missing).describe('What must be said before it can be imported.'),
  notes: z.array(z.string()),
  facts: z.record(z.string(), z.unknown()),
})
export type Inspection = z.infer<typeof Inspection>

export const ImportCreated = z.object({ job: z.string(), inspection: Inspection })
