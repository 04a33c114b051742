import type { VersionDetails } from '@atoll/sdk'

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
}
export interface PerClass {
  precision: number
  recall: number
  f1: number
  support: number
  roc?: { fpr: number[]; tpr: number[] }
  pr?: { precision: number[]; recall: number[] }
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
  derivedFeatures?: { name: string; expression: string; gain: number; kept: boolean }[]
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
}

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

/** Counts of right and wrong at a threshold, read from the ROC curve: the last of its points whose threshold is not below. */
export function cellsAt(evaluation: EvaluationFile, threshold: number): Cells | null {
  const { roc, confusion } = evaluation
  if (!roc || confusion?.matrix.length !== 2) return null
  const [negatives, positives] = confusion.matrix.map((row) => row.reduce((sum, cell) => sum + cell, 0)) as [number, number]
  let at = 0
  for (let i = 0; i < roc.thresholds.length; i++) if ((roc.thresholds[i] ?? 0) >= threshold) at = i
  const tp = Math.round((roc.tpr[at] ?? 0) * positives)
  const fp = Math.round((roc.fpr[at] ?? 0) * negatives)
  return { tn: negatives - fp, fp, fn: positives - tp, tp }
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
