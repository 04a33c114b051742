import type { GlobalShap, Uncertainty, VersionDetails } from '@atoll/sdk'
import type { PlacesEvidence } from '../places/WorstImages.tsx'

/** The files of a package as docs/job-contract.md describes them; the wire leaves them open. */
export interface EvaluationFile {
  rows: number
  metrics: Record<string, { value: number; low: number; high: number; method?: string }>
  threshold: number | null
  confusion: { classes: string[]; matrix: number[][] } | null
  roc: { fpr: number[]; tpr: number[]; thresholds: number[] } | null
  pr: { precision: number[]; recall: number[]; thresholds: number[] } | null
  calibration: { bins: { meanPredicted: number; observed: number; count: number }[]; error: number } | null
  cost: { threshold: number; cost: number }[]
  perClass: Record<string, PerClass> | null
  residuals: Residuals | null
  diagnosis: { kind: string; sentence: string } | null
  forecast?: ForecastEvidence
  places?: PlacesEvidence
  texts?: WrittenTexts
  diarisation?: DiarisationEvidence
  verification?: VerificationEvidence
  /** Language models: the same measures of what it began with, and which differences are more than chance. */
  before?: Record<string, { value: number; low: number; high: number; method?: string }>
  beforeIs?: string
  comparisons?: { metric: string; sentence: string }[]
  examples?: LanguageExample[]
  spans?: MarkedExample[]
}
/** What was wanted and what was written, the worst rows first. */
export interface WrittenTexts {
  metric: string
  rows: { row: number; input: string; wanted: string; said: string; value: number }[]
  errors?: { substitutions: number; deletions: number; insertions: number; words: number }
}
interface Turn {
  start: number
  end: number
  speaker: string
}
export interface DiarisationEvidence {
  collar: number
  /** The rate that leaves out a quarter of a second on either side of each true boundary. */
  withUsualCollar: number
  /** Conversations were made of recordings of one speaker each. */
  made: boolean
  recordings: { name: string; seconds: number; rate: number | null; actual: Turn[]; found: Turn[] }[]
}
export interface VerificationEvidence {
  pairs: number
  samePairs: number
  threshold: number
  misses: number[]
  falseAlarms: number[]
}
export interface LanguageExample {
  row: number
  prompt: string
  wanted: string | null
  before: string | null
  after: string
}
export interface MarkedExample {
  row: number
  text: string
  mistakes: number
  actual: { start: number; end: number; label: string }[]
  predicted: { start: number; end: number; label: string }[]
}
export interface ForecastEvidence {
  spacing: string
  byStep: { step: number; mae: number; coverage_80: number }[]
  series: {
    name: string
    sealedSince: number
    actual: { time: number; value: number | null }[]
    forecast: { time: number; value: number; low: number; high: number }[]
  }[]
}
export interface PerClass {
  precision: number
  recall: number
  f1: number
  support: number
  roc?: { fpr: number[]; tpr: number[] }
  pr?: { precision: number[]; recall: number[] }
  /** Detection. */
  averagePrecision?: Measured
  averagePrecision50?: Measured
  /** Segmentation. */
  iou?: Measured
}
export interface Measured {
  value: number
  low: number
  high: number
}
export interface Residuals {
  mean: number
  std: number
  quantiles: Record<string, number>
  histogram: { edges: number[]; counts: number[] }
  points: { actual: number; predicted: number }[]
}
export interface TrainingFile {
  algorithm: string
  params: Record<string, unknown>
  seed: number
  metric: string
  validation: Record<string, { mean: number; std: number | null; folds: number[] }>
  baseline: Record<string, number>
  threshold?: {
    value: number
    rule: string
    curve: { threshold: number; precision: number; recall: number; f1: number; cost?: number }[]
  } | null
  leaderboard: LeaderboardRow[]
  /** By algorithm: the share of its trials' variance that each parameter explains. */
  importances?: Record<string, Record<string, number>>
  /** The number of the winning trial. */
  trial?: number
  /** Of a search with several objectives. */
  aims?: {
    reason: string | null
    measured?: Record<string, number>
    importances: Record<string, Record<string, Record<string, number>>>
  } | null
  derivedFeatures?: { name: string; expression: string; gain: number | null; kept: boolean; reason?: string }[]
  export?: { ok: boolean; path: string; reason: string | null }
  environment?: Record<string, unknown>
  seconds?: number
  peakMemoryBytes?: number
  learningCurve?: { metric: string; points: { rows: number; train: number; validation: number }[] }
}
export interface LeaderboardRow {
  algorithm: string
  params: Record<string, unknown>
  mean: number
  std: number | null
  seconds: number
  trial: number
}
export interface ExplainFile {
  permutation: { column: string; mean: number; std: number }[]
  partialDependence: { column: string; values: (number | string | null)[]; response: (number | number[])[]; counts: number[] }[]
  metric: string
  /** Of texts: the terms that pull most towards each class (null: towards a larger value). */
  terms?: { class: string | null; terms: { term: string; weight: number }[] }[]
  termsFrom?: string
  /** Of pairs: by column that names an object, the objects with those nearest to each. */
  objects?: Record<string, NearObject[]>
}
export interface NearObject {
  value: string
  rows: number
  near: { value: string; similarity: number }[]
}

export const shapOf = (details: VersionDetails): GlobalShap | null => details.shap as unknown as GlobalShap | null
export const uncertaintyIn = (details: VersionDetails): Uncertainty | null => details.uncertainty as unknown as Uncertainty | null
export const evaluationOf = (details: VersionDetails): EvaluationFile | null =>
  details.evaluation as unknown as EvaluationFile | null
export const trainingOf = (details: VersionDetails): TrainingFile => details.training as unknown as TrainingFile
export const explainOf = (details: VersionDetails): ExplainFile | null => details.explain as unknown as ExplainFile | null

export interface Cells {
  tn: number
  fp: number
  fn: number
  tp: number
}

/** Right and wrong by threshold, falling, as the ROC and the precision-recall curve together tell them. */
export function cellsByThreshold(evaluation: EvaluationFile): { threshold: number; cells: Cells }[] {
  const { roc, pr, confusion } = evaluation
  if (!roc || confusion?.matrix.length !== 2) return []
  const [negatives, positives] = confusion.matrix.map((row) => row.reduce((sum, cell) => sum + cell, 0)) as [number, number]
  const found = new Map<number, Cells>()
  const put = (threshold: number, tp: number, fp: number) =>
    found.set(threshold, { tn: negatives - fp, fp, fn: positives - tp, tp })
  pr?.thresholds.forEach((threshold, at) => {
    const precision = pr.precision[at] ?? 0
    const tp = Math.round((pr.recall[at] ?? 0) * positives)
    if (tp > 0 && precision > 0) put(threshold, tp, Math.round(tp / precision - tp))
  })
  roc.thresholds.forEach((threshold, at) => {
    put(threshold, Math.round((roc.tpr[at] ?? 0) * positives), Math.round((roc.fpr[at] ?? 0) * negatives))
  })
  return [...found].map(([threshold, cells]) => ({ threshold, cells })).sort((a, b) => b.threshold - a.threshold)
}

/** The counts at a threshold: those of the last point that is not below it. */
export function cellsAt(points: readonly { threshold: number; cells: Cells }[], threshold: number): Cells | null {
  let low = 0
  let high = points.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((points[middle]?.threshold ?? 0) >= threshold) low = middle
    else high = middle - 1
  }
  return points[low]?.cells ?? null
}

export const cellsOf = (matrix: readonly (readonly number[])[]): Cells => ({
  tn: matrix[0]?.[0] ?? 0,
  fp: matrix[0]?.[1] ?? 0,
  fn: matrix[1]?.[0] ?? 0,
  tp: matrix[1]?.[1] ?? 0,
})

/** Precision, recall and F1 of counts; null where nothing is pointed at. */
export function rates({ fp, fn, tp }: Cells): { precision: number | null; recall: number | null; f1: number | null } {
  return {
    precision: tp + fp ? tp / (tp + fp) : null,
    recall: tp + fn ? tp / (tp + fn) : null,
    f1: 2 * tp + fp + fn ? (2 * tp) / (2 * tp + fp + fn) : null,
  }
}
