import * as z from 'zod'
import { columnTypes } from '../../ports/tables/tables.ts'
import { Iso, Ref, Resource, ResourceInput } from '../auth/schema.ts'
import { layoutNames } from './media/layouts/layout.ts'

export const ColumnTypeName = z.enum(columnTypes)

/** How a file is read. Detected, shown, and correctable before anything is stored. */
export const ReadOptions = z.object({
  format: z.enum(['csv', 'parquet', 'jsonl', 'excel', 'media']),
  layout: z.enum(layoutNames).optional().describe('Of an archive or folder of media: how it says what its items are.'),
  delimiter: z.string().min(1).max(4).optional(),
  quote: z.string().max(1).optional(),
  encoding: z.string().max(40).optional(),
  header: z.boolean().optional(),
  decimalComma: z.boolean().optional(),
  dateFormat: z.string().max(60).optional(),
  nullValues: z.array(z.string().max(60)).max(20).optional(),
  sheet: z.string().max(120).optional(),
})
export type ReadOptions = z.infer<typeof ReadOptions>

export const personalDataKinds = [
  'email',
  'phone',
  'name',
  'identifier',
  'address',
  'birth_date',
  'ip_address',
  'bank_account',
] as const

export const Column = z.object({
  name: z.string(),
  type: ColumnTypeName,
  nullable: z.boolean(),
  personalData: z.object({ kind: z.enum(personalDataKinds), why: z.string() }).nullable(),
  description: z.string(),
  unit: z.string().nullable(),
})
export type Column = z.infer<typeof Column>

export const Detection = z.object({
  options: ReadOptions,
  columns: z.array(Column.pick({ name: true, type: true, nullable: true, personalData: true })),
  preview: z.array(z.array(z.unknown())),
  notes: z.array(z.string()).describe('What was detected and how sure, in sentences.'),
  sheets: z.array(z.string()).optional(),
  rowsEstimate: z.number().nullable(),
  media: z
    .object({
      kind: z.enum(['image', 'audio']),
      layout: z.enum(layoutNames),
      sentence: z.string(),
      layouts: z.array(z.object({ layout: z.enum(layoutNames), sentence: z.string() })).describe('All the ways that fit.'),
      items: z.number(),
      sizeBytes: z.number(),
      target: z.string().nullable().describe('The column that one would predict.'),
      cut: z.boolean().describe('Only the beginning was looked at.'),
      warnings: z.array(z.object({ code: z.string(), message: z.string(), facts: z.record(z.string(), z.unknown()) })),
    })
    .optional()
    .describe('Where the source is an archive or folder of images or audio.'),
})
export type Detection = z.infer<typeof Detection>

export const Upload = z.object({
  id: z.string(),
  filename: z.string(),
  sizeBytes: z.number(),
  receivedBytes: z.number(),
  state: z.enum(['open', 'complete']),
  sha256: z.string().nullable(),
  expiresAt: Iso,
})
export type Upload = z.infer<typeof Upload>
export const UploadInput = z.object({
  filename: z.string().trim().min(1).max(255),
  sizeBytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 40),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})

/** Where bytes come from: an upload, or a file in a folder that an administrator allowed. */
export const Source = z.union([z.object({ upload: z.string() }), z.object({ serverPath: z.string().max(4000) })])
export type Source = z.infer<typeof Source>

/** What to do with a column on the way in. */
export const ColumnChange = z.object({
  name: z.string(),
  type: ColumnTypeName.optional(),
  rename: z.string().max(200).optional(),
  action: z.enum(['keep', 'drop', 'pseudonymise']).default('keep'),
})

export const DatasetInput = ResourceInput.extend({
  source: Source,
  options: ReadOptions.partial().optional(),
  columns: z.array(ColumnChange).max(20_000).optional(),
  target: z.string().max(200).nullable().default(null),
})
export const VersionInput = DatasetInput.pick({ source: true, options: true, columns: true }).extend({
  note: z.string().max(2000).default(''),
})

export const DatasetVersion = z.object({
  id: z.string(),
  dataset: z.string(),
  number: z.number(),
  state: z.enum(['importing', 'ready', 'failed']),
  job: z.string().nullable(),
  rows: z.number().nullable(),
  columns: z.array(Column),
  files: z.array(z.object({ path: z.string(), sha256: z.string(), sizeBytes: z.number(), rows: z.number() })),
  original: z.object({ filename: z.string(), sha256: z.string(), sizeBytes: z.number(), options: ReadOptions }).nullable(),
  derivedFrom: z.object({ version: z.string(), how: z.string() }).nullable(),
  warnings: z.array(z.object({ code: z.string(), message: z.string(), facts: z.record(z.string(), z.unknown()) })),
  note: z.string(),
  createdAt: Iso,
})
export type DatasetVersion = z.infer<typeof DatasetVersion>

export const Dataset = Resource.extend({
  kind: z
    .enum(['table', 'images', 'audio'])
    .describe('By the columns of the newest version: `image` or `audio` columns name items.'),
  target: z.string().nullable(),
  latest: DatasetVersion.nullable(),
  versions: z.number(),
})
export type Dataset = z.infer<typeof Dataset>

/** What creating calls answer: the noun and the job that fills it. */
export const DatasetCreated = z.object({ dataset: Dataset, version: DatasetVersion, job: z.string() })

const Quantiles = z.object({
  p01: z.number(),
  p05: z.number(),
  p25: z.number(),
  p50: z.number(),
  p75: z.number(),
  p95: z.number(),
  p99: z.number(),
})

export const ColumnProfile = z.object({
  name: z.string(),
  type: ColumnTypeName,
  count: z.number(),
  missing: z.number(),
  distinct: z.number(),
  distinctError: z.number().describe('Relative error of `distinct`; 0 is exact.'),
  constant: z.boolean(),
  nearConstant: z.boolean(),
  numeric: z
    .object({
      min: z.number(),
      max: z.number(),
      mean: z.number(),
      std: z.number().nullable(),
      skewness: z.number().nullable(),
      zeros: z.number(),
      negative: z.number(),
      quantiles: Quantiles,
      outliers: z.object({ low: z.number(), high: z.number(), rule: z.string() }),
    })
    .nullable(),
  datetime: z.object({ min: Iso, max: Iso }).nullable(),
  histogram: z.object({ edges: z.array(z.number()), counts: z.array(z.number()) }).nullable(),
  top: z.array(z.object({ value: z.string(), count: z.number() })),
  textLength: z.object({ min: z.number(), mean: z.number(), max: z.number() }).nullable(),
  target: z
    .object({
      measure: z.enum(['correlation_ratio', 'cramers_v', 'pearson']),
      value: z.number(),
      groups: z.array(z.object({ label: z.string(), count: z.number(), target: z.number() })),
    })
    .nullable(),
})
export type ColumnProfile = z.infer<typeof ColumnProfile>

export const Warning = z.object({
  code: z.string(),
  severity: z.enum(['info', 'warning', 'serious']),
  column: z.string().nullable(),
  message: z.string(),
  facts: z.record(z.string(), z.unknown()),
})

export const Profile = z.object({
  dataset: z.string(),
  version: z.string(),
  rows: z.number(),
  duplicateRows: z.number(),
  columns: z.array(ColumnProfile),
  correlations: z
    .object({
      columns: z.array(z.string()),
      measure: z.array(z.array(z.string())),
      values: z.array(z.array(z.number().nullable())),
    })
    .describe('pearson (numeric pairs), cramers_v (categorical), correlation_ratio (mixed)'),
  target: z
    .object({
      column: z.string(),
      classes: z.array(z.object({ value: z.string(), count: z.number() })),
      task: z.enum(['binary', 'multiclass', 'regression']),
    })
    .nullable(),
  warnings: z.array(Warning),
  seconds: z.number(),
  createdAt: Iso,
})
export type Profile = z.infer<typeof Profile>

export const SplitInput = z.object({
  dataset: Ref,
  version: z.string().optional(),
  target: z.string().max(200).nullable().default(null),
  task: z
    .string()
    .max(40)
    .nullable()
    .default(null)
    .describe('What the target is for, where it is neither classes nor numbers: seq2seq, transcription, tokens, detection…'),
  kind: z.enum(['auto', 'random', 'stratified', 'grouped', 'time', 'given']).default('auto'),
  groupColumn: z.string().max(200).nullable().default(null),
  timeColumn: z.string().max(200).nullable().default(null),
  partColumn: z
    .string()
    .max(200)
    .nullable()
    .default(null)
    .describe('For a split that came with the data: names the part of each row (train, validation, test). No model sees it.'),
  test: z.number().min(0.05).max(0.5).default(0.2),
  validation: z.number().min(0).max(0.4).default(0).describe('0: cross-validation on the training part.'),
  folds: z.number().int().min(2).max(20).default(5),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(7),
})
export const LeakFinding = z.object({
  kind: z.enum(['target_copy', 'target_near_copy', 'time', 'group', 'duplicate_rows', 'identifier']),
  severity: z.enum(['info', 'warning', 'serious']),
  column: z.string().nullable(),
  message: z.string(),
  facts: z.record(z.string(), z.unknown()),
})
export const Split = z.object({
  id: z.string(),
  dataset: z.string(),
  version: z.string(),
  kind: z.enum(['random', 'stratified', 'grouped', 'time', 'given']),
  target: z.string().nullable(),
  groupColumn: z.string().nullable(),
  timeColumn: z.string().nullable(),
  partColumn: z.string().nullable(),
  seed: z.number(),
  folds: z.number(),
  state: z.enum(['making', 'ready', 'failed']),
  job: z.string().nullable(),
  parts: z.array(z.object({ part: z.enum(['train', 'validation', 'test']), rows: z.number(), sealed: z.boolean() })),
  leaks: z.array(LeakFinding),
  createdAt: Iso,
})
export type Split = z.infer<typeof Split>
export type SplitInput = z.infer<typeof SplitInput>

export const RowsQuery = z.object({
  version: z.string().optional(),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  columns: z.string().max(20_000).optional().describe('comma separated'),
  sort: z.string().max(200).optional().describe('column, or -column'),
  where: z.string().max(2000).optional().describe('JSON list of {column, op: = != < <= > >= contains is_missing, value}'),
})
export const Filters = z
  .array(
    z.object({
      column: z.string().max(200),
      op: z.enum(['=', '!=', '<', '<=', '>', '>=', 'contains', 'is_missing']),
      value: z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]).optional(),
    }),
  )
  .max(20)
export const Rows = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.array(z.unknown())),
  total: z.number(),
  offset: z.number(),
})

export const DictionaryPatch = z.object({
  columns: z
    .array(
      z.object({
        name: z.string().max(200),
        description: z.string().max(4000).optional(),
        unit: z.string().trim().max(60).nullable().optional(),
      }),
    )
    .min(1)
    .max(20_000),
})

export const ExportQuery = z.object({
  version: z.string().optional(),
  format: z.enum(['csv', 'parquet', 'archive']).default('csv').describe('archive: a .tar of the table and all items of media'),
  columns: z.string().max(20_000).optional().describe('comma separated'),
})

/** A new version made from an existing one. */
export const Transform = z.object({
  version: z.string().optional(),
  columns: z.array(ColumnChange).min(1).max(20_000),
  note: z.string().max(2000).default(''),
})

/** A node of the graph from data to endpoint. */
export const LineageNode = z.object({ id: z.string(), noun: z.string(), name: z.string(), detail: z.string() })
export const Lineage = z.object({
  nodes: z.array(LineageNode),
  edges: z.array(z.object({ from: z.string(), to: z.string(), label: z.string() })),
})
export type Lineage = z.infer<typeof Lineage>

export const ItemQuery = z.object({
  path: z.string().min(1).max(1024).describe('The path of the item within the version.'),
  version: z.string().optional(),
  project: Ref.optional(),
})
export const ThumbnailQuery = ItemQuery.extend({ size: z.coerce.number().int().min(16).max(1024).default(192) })
export const ItemsQuery = z.object({
  version: z.string().optional(),
  project: Ref.optional(),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  unreadable: z.stringbool().default(false).describe('true: only those that are in no row because they cannot be read'),
})
/** Items of a version, sorted by path; `total` and `sizeBytes` are of all that were asked for. */
export const ItemsPage = z.object({
  items: z.array(
    z.object({
      path: z.string(),
      sha256: z.string(),
      sizeBytes: z.number(),
      contentType: z.string(),
      problem: z.string().optional(),
    }),
  ),
  total: z.number(),
  offset: z.number(),
  sizeBytes: z.number(),
  formats: z
    .array(z.object({ contentType: z.string(), count: z.number(), sizeBytes: z.number() }))
    .describe('Most frequent first.'),
  unreadable: z.number(),
})
