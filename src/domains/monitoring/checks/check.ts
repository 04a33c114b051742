import type { Tables } from '../../../ports/tables/tables.ts'
import type { Predictions } from '../../evaluation/statistics/predictions.ts'
import type { Policy } from '../../fairness/schema.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { Answer } from '../answers.ts'
import type { Baseline } from '../baseline.ts'
import type { ColumnsNow } from '../columns-now.ts'
import type { Drift } from '../compare-columns.ts'
import type { GroupedRows } from '../grouped-rows.ts'
import type { OperationFigures } from '../operation-figures.ts'
import type { QualityCount } from '../quality-counts.ts'
import type { SampledRows } from '../sampled-rows.ts'
import type { CheckReport } from '../schema.ts'
import type { MonitorRow } from '../store.ts'
import type { CheckKind, SettingsOf } from './settings.ts'

/** What a check may look at. What no check asks for is not read. */
export interface Looked {
  monitor: MonitorRow
  version: ModelVersion
  baseline: Baseline
  /** What is looked at, in words; from and to where it is traffic. */
  source: string
  rows: number
  period: { fromMs: number; toMs: number } | null
  /** Counts of every watched column. */
  counted(): Promise<ColumnsNow>
  /** Some rows of now, whole; those of the baseline are in it. */
  sampled(most?: number): Promise<SampledRows>
  /** Values that are not as they should be. */
  quality(): Promise<QualityCount[]>
  /** What the model answered, a sample. */
  answers(): Promise<Answer[]>
  /** The answers whose truth is known. */
  labelled(): Promise<Answer[]>
  /** What the version said of the sealed rows, and their truth. */
  sealed(): Promise<Predictions>
  /** What the model makes of items, before and now: the vectors that it answers, or its classes' log probabilities. */
  vectors(): Promise<Vectors>
  /** What each column contributed to the answers of some rows, before and now. */
  contributions(rows: number): Promise<Contributions>
  /** Answers beside the columns that say whom they were about; with the truth where enough of it is known. */
  grouped(columns: readonly string[]): Promise<GroupedRows>
  /** Fairness policies that bind the version. */
  policies(): Promise<readonly Policy[]>
  tables: Tables
  /** What the endpoint did lately, in the process that looks. */
  operations(minutes: number): Promise<OperationFigures>
  signal: AbortSignal
}

export interface Vectors {
  before: (readonly number[])[]
  now: (readonly number[])[]
  /** In words. */
  what: string
}

export interface Contributions {
  columns: string[]
  /** By row and column. */
  before: number[][]
  now: number[][]
}

export type Evidence = CheckReport['evidence']

/** What a check says once its tests are corrected together with those of all others. */
export interface Judged {
  state: 'quiet' | 'warning' | 'alert'
  sentence: string
  evidence: Evidence
  /** What to do about it, where it alarms. */
  recommendation?: string
  /** Of each column that was compared by itself. */
  drift?: Drift[]
}

/**
 * What a check found before it is judged: the p-value of each question that it asked. All questions of a run are corrected together, so that the
 * level is that of the run, however many checks and columns there are; repeated runs are held against levels that keep to the monitor's rate together.
 */
export interface Finding {
  pValues: readonly number[]
  /** Adjusted p-values below the level are no chance. */
  judge(adjusted: readonly number[], level: number): Judged
}

/** One kind of check. What it cannot look at here it refuses with a reason: the report then says that it was not judged. */
export interface Check<Kind extends CheckKind> {
  kind: Kind
  title: string
  /** Needs rows of now: with fewer than the monitor's minimum it is not asked. */
  needsRows: boolean
  look(looked: Looked, settings: SettingsOf<Kind>): Promise<Finding>
}
