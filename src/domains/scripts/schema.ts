import * as z from 'zod'
import { runtimeNames } from '../../ports/engines/runtimes.ts'
import { Name, Ref } from '../auth/schema.ts'
import { Metric } from '../goals/schema.ts'
import { Job } from '../jobs/schema.ts'

/** A path within the code folder. */
const CodePath = z
  .string()
  .max(300)
  .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\0-\x1f\\]+$/, 'must be a path inside the code folder, like src/train.py')

const CodeFile = z.object({
  path: CodePath,
  content: z.string(),
  encoding: z.enum(['utf-8', 'base64']).default('utf-8'),
})

export const Channel = z.object({
  dataset: Ref,
  version: z.string().optional(),
  split: z.string().nullable().default(null).describe('absent: the usual split of the data set'),
  part: z.enum(['train', 'validation']).default('train').describe('The sealed test rows are never laid.'),
  format: z.enum(['csv', 'parquet']).default('csv'),
})

const ChannelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be a name like train or validation-2')

/** A script of the user's own, run as a job by SageMaker's conventions (docs/scripts.md). */
export const ScriptInput = z.object({
  name: Name.optional(),
  project: Ref.optional(),
  experiment: Name.nullable().default(null),
  files: z.array(CodeFile).min(1).max(500),
  entryPoint: CodePath.optional().describe('.py, .ipynb or .sh; the only script, train.py or main.py when absent'),
  arguments: z.array(z.string().max(2000)).max(100).default([]),
  hyperparameters: z.record(z.string().max(200), z.unknown()).default({}),
  metrics: z
    .array(z.object({ name: z.string().min(1).max(200), regex: z.string().min(1).max(1000) }))
    .max(50)
    .default([])
    .describe('Regular expressions over the output; the first group is the value.'),
  channels: z.record(ChannelName, Channel).default({}),
  runtime: z.enum(runtimeNames).default('tabular'),
  seconds: z.number().min(1).max(604_800).nullable().default(null).describe('The job is stopped after so long.'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(7),
  model: z
    .object({
      name: Name.nullable().default(null),
      target: z.string().max(200),
      positive: z.string().max(200).nullable().default(null),
      metric: Metric.nullable().default(null),
      goal: Ref.nullable().default(null),
      contentType: z.enum(['text/csv', 'application/json']).default('text/csv').describe('What input_fn is given.'),
    })
    .nullable()
    .default(null)
    .describe('Registers what the script leaves in SM_MODEL_DIR as a version, judged on the sealed rows like any other.'),
})
export type ScriptInput = z.infer<typeof ScriptInput>

export const ScriptCreated = z.object({ job: Job, run: z.string() })
