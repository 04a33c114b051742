import * as z from 'zod'
import { families, runtimeNames } from '../../ports/engines/runtimes.ts'
import { provenBy } from '../../ports/inference/signature.ts'
import { Name, Ref } from '../auth/schema.ts'
import { Metric, Task } from '../goals/schema.ts'
import { Estimate, Job } from '../jobs/schema.ts'
import { RecipeStep } from '../recipes/schema.ts'
import { SearchSpec } from '../tuning/schema.ts'

export const TrainingInput = z.object({
  dataset: Ref,
  version: z.string().optional(),
  project: Ref.optional(),
  goal: Ref.nullable().default(null),
  target: z.string().max(200).nullable().default(null),
  task: Task.nullable()
    .default(null)
    .describe(
      'Judged from the target when absent; tasks without a target, and those that a target does not show, must be named.',
    ),
  positive: z.string().max(200).nullable().default(null),
  metric: Metric.nullable().default(null),
  split: z.string().nullable().default(null),
  recipe: z.union([z.literal('auto'), Ref, z.object({ steps: z.array(RecipeStep).max(200) })]).default('auto'),
  algorithms: z.array(z.string().max(60)).min(1).max(20).default(['auto']),
  search: SearchSpec.prefault({}),
  imbalance: z
    .enum(['auto', 'none', 'class_weight', 'smote', 'adasyn', 'random_over', 'random_under', 'near_miss'])
    .default('auto'),
  calibration: z.enum(['none', 'sigmoid', 'isotonic']).default('none'),
  options: z
    .record(z.string().max(60), z.unknown())
    .default({})
    .describe('What only one family of engines knows: epochs, image size, horizon… (docs/training.md).'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(7),
  model: Name.nullable()
    .default(null)
    .describe('name of the model that gets the new version; from the data set and target when absent'),
  experiment: Name.nullable().default(null),
})
export type TrainingInput = z.infer<typeof TrainingInput>

/** Images as training would change them: what of a training decides that, and how many of how many kinds. */
export const ImagePreviewInput = z.object({
  dataset: Ref,
  version: z.string().optional(),
  task: Task.nullable().default(null).describe('detection and segmentation: boxes and masks are moved along'),
  target: z.string().max(200).nullable().default(null),
  options: z.record(z.string(), z.unknown()).default({}),
  samples: z.number().int().min(1).max(12).default(4),
  variants: z.number().int().min(1).max(8).default(4),
  seed: z.number().int().min(0).max(2_000_000_000).default(7),
})
export type ImagePreviewInput = z.infer<typeof ImagePreviewInput>

export const ImagePreview = z.object({
  size: z.number().describe('side in pixels, as the network sees images'),
  channels: z.number(),
  classes: z.array(z.string()).optional(),
  samples: z.array(
    z.object({
      item: z.string(),
      images: z.array(z.string()).describe('data URLs: as it is, then its variants'),
      objects: z
        .array(z.array(z.object({ label: z.string(), box: z.array(z.number()) })))
        .optional()
        .describe('by image, in pixels of it'),
      masks: z.array(z.string()).optional().describe('by image, a pixel is the number of its class'),
    }),
  ),
})

export const TrainingCreated = z.object({ job: Job, run: z.string(), estimate: Estimate.nullable() })

/** What a finished training job answers (its result), also printed by `atoll train --wait --json`. */
export const TrainingResult = z.object({
  model: z.string(),
  modelId: z.string(),
  version: z.number(),
  versionId: z.string(),
  run: z.string(),
  algorithm: z.string(),
  task: Task,
  validation: z.record(z.string(), z.number()),
  test: z.record(z.string(), z.object({ value: z.number(), low: z.number(), high: z.number() })),
  baseline: z.record(z.string(), z.number()),
  goal: z.object({ met: z.boolean(), sentence: z.string() }).nullable(),
  parity: z.object({ rows: z.number(), flips: z.number(), maxDiff: z.number() }),
  served: z.enum(provenBy),
})
export type TrainingResult = z.infer<typeof TrainingResult>

/** What a finished replay answers: whether the version, made again, is the same. */
export const ReplayResult = z.object({
  version: z.string(),
  same: z.boolean(),
  graphIdentical: z.boolean(),
  rows: z.number(),
  flips: z.number(),
  maxDiff: z.number(),
  threshold: z.object({ before: z.number().nullable(), now: z.number().nullable() }),
  metrics: z.record(z.string(), z.object({ before: z.number(), now: z.number().nullable() })),
  environmentChanged: z.array(z.string()),
  sentence: z.string(),
})

export const AlgorithmInfo = z.object({
  name: z.string(),
  title: z.string(),
  family: z.enum(families),
  runtime: z.enum(runtimeNames),
  needs: z.array(z.string()).describe('Types of columns that the data must have.'),
  auto: z.boolean().describe('Whether "auto" may try it.'),
  tasks: z.array(Task),
  about: z.string(),
  space: z.record(z.string(), z.unknown()),
  served: z.string(),
})
