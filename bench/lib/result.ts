/** One line of the results: what was measured, against what, and whether it is good enough. */
export interface BenchResult {
  /** Which goal it answers: S1, O1, TR1, … */
  id: string
  suite: string
  what: string
  ours: { value: number; unit: string }
  /** What ours is compared with, measured in the same run; null for a goal in absolute figures. */
  against: { name: string; value: number } | null
  /** ours / against, over interleaved rounds. */
  ratio: { median: number; low: number; high: number } | null
  goal: { compare: '>=' | '<='; value: number; of: 'ratio' | 'value' }
  pass: boolean
  note: string
}

/** Judges a result by its goal: a ratio by its median, a figure by itself. */
export function judged(result: Omit<BenchResult, 'pass'>): BenchResult {
  const value = result.goal.of === 'ratio' ? (result.ratio?.median ?? Number.NaN) : result.ours.value
  return { ...result, pass: result.goal.compare === '>=' ? value >= result.goal.value : value <= result.goal.value }
}

export interface BenchOptions {
  quick: boolean
  rounds: number
}
