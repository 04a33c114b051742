import * as z from 'zod'
import { families, runtimeNames } from '../../ports/engines/runtimes.ts'
import { provenBy, servedBy, tensors } from '../../ports/inference/signature.ts'
import { Iso, Name, Resource } from '../auth/schema.ts'
import { Goal, GoalOutcome, Task } from '../goals/schema.ts'

export const versionStates = ['registered', 'approved', 'deployed', 'deprecated', 'archived'] as const

export const SignatureInput = z.object({
  name: z.string(),
  type: z.string(),
  tensor: z.enum(tensors),
  index: z.number(),
  nullable: z.boolean(),
  required: z.boolean().optional().describe('the model answers no row without it: a missing value is refused'),
  closed: z.boolean().optional().describe('the model answers none but its categories: another value is refused'),
  min: z.number().nullish(),
  max: z.number().nullish(),
  categories: z.array(z.string()).nullish(),
  categoriesTruncated: z.boolean().optional(),
  example: z.unknown().optional(),
  shape: z
    .array(z.number().int().min(1))
    .min(1)
    .max(16)
    .optional()
    .describe("tensors (`values`): the sizes of one row's; they lie among the graph's numbers from `index` on"),
  size: z
    .tuple([z.number().int().min(1), z.number().int().min(1)])
    .optional()
    .describe('images: height and width'),
  channels: z.number().int().min(1).max(4).optional(),
  fit: z.enum(['pad', 'stretch', 'crop']).optional().describe('images with places: how a rectangle lies in the square'),
  sampleRate: z.number().int().min(1).optional().describe('audio: samples per second'),
  samples: z.number().int().min(1).nullish().describe('audio: the fixed number of samples, if any'),
  maxLength: z.number().int().min(1).optional().describe('text as tokens: the most tokens of a row'),
  pad: z.number().int().min(0).optional(),
  separator: z.string().optional().describe('between several columns of text that are read as one'),
  words: z.boolean().optional().describe('text as tokens, made word by word'),
  prefix: z.string().optional().describe('put before each text'),
})
/** How a package with an encoder and a decoder writes a text, token by token (docs/job-contract.md). */
export const TextDecoding = z.object({
  start: z.array(z.number().int().min(0)).min(1),
  end: z.array(z.number().int().min(0)).min(1),
  maxTokens: z.number().int().min(1).max(100_000),
  suppress: z.array(z.number().int().min(0)),
  suppressFirst: z.array(z.number().int().min(0)),
  below: z.number().int().min(1).nullable(),
  window: z
    .object({ samples: z.number().int().min(1), frame: z.number().int().min(1) })
    .nullish()
    .describe('recordings: how much is heard at once'),
})
/** How recordings are divided among speakers (docs/job-contract.md). */
const samples = z.number().int().min(1)
export const TurnsPlan = z.object({
  rate: samples.describe('samples a second'),
  window: samples.describe('samples that are heard at once'),
  step: samples,
  frame: samples,
  hop: samples,
  belowLoud: z.number(),
  aboveQuiet: z.number(),
  mostQuiet: z.number(),
  least: z.number(),
  shortestPause: z.number().int().min(0),
  shortestSpeech: z.number().int().min(0),
  margin: z.number().int().min(0),
  threshold: z.number().describe('mean cosine distance from which on two voices are two speakers'),
  speakers: z.number().int().min(1).nullable(),
  mostWindows: samples.max(5000),
  width: samples,
})
/** How a model that writes text is asked. */
export const Generation = z.object({
  contextLength: z.number().int().min(1).describe('tokens of prompt and answer together'),
  maxNewTokens: z.number().int().min(1).optional().describe('as many tokens as an answer has unless more are asked for'),
  chat: z.boolean().describe('takes messages beside prompts'),
  bos: z.number().int().nullish(),
  addBos: z.boolean().optional(),
  eos: z.array(z.number().int()).optional(),
  stop: z.array(z.string()).optional().describe('texts at which an answer ends'),
  gguf: z.string().nullish().describe('how the weights of model.gguf are stored'),
})

export const Signature = z.object({
  task: Task,
  target: z.string().nullable(),
  classes: z.array(z.string()).nullable(),
  positive: z.string().nullable(),
  threshold: z.number().nullable(),
  thresholds: z.array(z.number()).nullish().describe('multi-label: one for each class'),
  nms: z.number().min(0).max(1).optional().describe('detection: of boxes of a class that overlap by more, only the best is told'),
  maskValues: z.array(z.string()).optional().describe('segmentation: the values of the masks, in the order of the classes'),
  tolerance: z.number(),
  inputs: z.array(SignatureInput),
  outputs: z
    .array(z.object({ name: z.string(), width: z.number().int().min(1) }))
    .optional()
    .describe('the outputs of the graph where they are not just those of the task'),
  generation: Generation.optional(),
  decoding: TextDecoding.optional().describe('where the answer is a text'),
  rowsPerRun: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('the most rows of one run, where an answer depends on the others of its run'),
  turns: TurnsPlan.optional().describe('where the answer is who speaks when'),
  beside: z
    .array(z.object({ name: z.string(), kind: z.enum(['number', 'text', 'boolean', 'list']) }))
    .optional()
    .describe('of a pipeline: what it tells beside its answer'),
})
export type Signature = z.infer<typeof Signature>

/** The engines that made a package, and that answer for it where its graph could not be proven. */
export const PackageEngine = z.object({ family: z.enum(families), runtime: z.enum(runtimeNames) })
export type PackageEngine = z.infer<typeof PackageEngine>

export const PackageFile = z.object({ path: z.string(), sha256: z.string(), sizeBytes: z.number() })
/** manifest.json of a package. */
export const Manifest = z.object({
  format: z.literal(1),
  kind: z.enum(servedBy),
  trust: z.enum(['built', 'imported']),
  engine: PackageEngine.optional().describe('absent in packages from before there were others than tables'),
  files: z.array(PackageFile),
  sandboxOnly: z.array(PackageFile).describe('Native files that only a sandboxed Python job may load.'),
  evidence: z
    .array(PackageFile)
    .optional()
    .describe('Rows that training code answered, with its answers: with them the proof can be made again elsewhere.'),
  createdAt: Iso,
})
export type Manifest = z.infer<typeof Manifest>

export const Interval = z.object({ value: z.number(), low: z.number(), high: z.number(), method: z.string().optional() })

/** evaluation.json (docs/job-contract.md), as the sealed rows gave it. */
export const Evaluation = z.looseObject({
  rows: z.number(),
  metrics: z.record(z.string(), Interval),
  threshold: z.number().nullable(),
})
export type Evaluation = z.infer<typeof Evaluation>

/** The proof that what is served is what was trained. */
export const Parity = z.object({
  rows: z.number(),
  heldOutRows: z.number(),
  injectedRows: z.number(),
  flips: z.number(),
  maxDiff: z.number(),
  tolerance: z.number(),
  passed: z.boolean(),
  served: z.enum(provenBy),
  reason: z.string().nullable(),
  modelSha256: z.string(),
  at: Iso,
})
export type Parity = z.infer<typeof Parity>

/** How a version was made from another: quantised, pruned, distilled, with fewer inputs. */
export const Derived = z.object({
  from: z.string().describe('id of the version that it was made from'),
  fromName: z.string(),
  method: z.string(),
  summary: z.string().describe('the method and its settings, in words'),
})
export type Derived = z.infer<typeof Derived>

export const ModelVersion = z.object({
  id: z.string(),
  model: z.string(),
  modelName: z.string(),
  project: z.string(),
  number: z.number(),
  state: z.enum(versionStates),
  task: Task,
  algorithm: z.string(),
  target: z.string().nullable().describe('null where a task has none'),
  goal: z.string().nullable(),
  goalOutcome: GoalOutcome.nullable(),
  dataset: z.string().describe('empty, as the version, split and run, in what was made elsewhere'),
  datasetVersion: z.string(),
  split: z.string(),
  run: z.string(),
  job: z.string(),
  manifest: Manifest,
  signature: Signature,
  validation: z.record(z.string(), z.object({ mean: z.number(), std: z.number().nullable() })),
  test: z.record(z.string(), Interval),
  parity: Parity.nullable(),
  sealedOpenedAt: Iso.nullable(),
  override: z.object({ by: z.string(), reason: z.string(), at: Iso }).nullable(),
  derived: Derived.nullable().describe('the version that it was made from, where it was not trained from data alone'),
  createdAt: Iso,
})
export type ModelVersion = z.infer<typeof ModelVersion>

export const Model = Resource.extend({
  task: Task,
  target: z.string().nullable(),
  latest: ModelVersion.nullable(),
  champion: ModelVersion.nullable().describe('the approved or deployed version'),
  versions: z.number(),
})
export type Model = z.infer<typeof Model>

/** Every version judged by a goal, newest first, and the one that comes closest. */
export const GoalProgress = z.object({ goal: Goal, best: ModelVersion.nullable(), versions: z.array(ModelVersion) })

/** Weights that were brought, as a version of a model. */
export const RegisterWeights = z.object({ model: Name.optional().describe('the name of the weights when absent') })

export const Promotion = z.object({
  to: z.enum(['approved', 'deprecated', 'archived', 'registered']),
  overrideReason: z.string().trim().min(10).max(4000).nullable().default(null),
})
/** Sealed rows in one cell of the confusion matrix: at most the first hundred. */
export const CellRows = z.object({
  actual: z.string(),
  predicted: z.string(),
  total: z.number(),
  columns: z.array(z.string()),
  rows: z.array(z.array(z.unknown())),
})

/** What the other files of a package hold, for pages: training.json, explain.json, recipe.json. */
export const VersionDetails = z.object({
  evaluation: Evaluation.nullable(),
  training: z.record(z.string(), z.unknown()),
  explain: z.record(z.string(), z.unknown()).nullable(),
  shap: z.record(z.string(), z.unknown()).nullable(),
  uncertainty: z.record(z.string(), z.unknown()).nullable(),
  recipe: z.record(z.string(), z.unknown()),
})
