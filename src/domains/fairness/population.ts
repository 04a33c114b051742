/** Rows that are alike in all that a report asks of them: the group, the label, what was predicted, the stratum. */
export interface Cells {
  /** Index of the group. */
  group: Int32Array
  /** Index among the label's values. */
  label: Int32Array
  /** 1: the label is the favourable one. */
  favourable: Uint8Array
  /** 1: the favourable label was predicted; all 0 before training. */
  predicted: Uint8Array
  /** Index of the stratum; all 0 where none is asked for. */
  stratum: Int32Array
  count: Float64Array
  labels: number
  strata: number
}

/** What every measure is computed from: counts of one group of people. */
export interface Population {
  rows: number
  /** By value of the label. */
  labels: Float64Array
  truePositive: number
  falsePositive: number
  falseNegative: number
  trueNegative: number
  /** By stratum, four each: favourable and unfavourable labels, favourable and unfavourable predictions. */
  strata: Float64Array
}

export function emptyPopulation(labels: number, strata: number): Population {
  return {
    rows: 0,
    labels: new Float64Array(labels),
    truePositive: 0,
    falsePositive: 0,
    falseNegative: 0,
    trueNegative: 0,
    strata: new Float64Array(4 * strata),
  }
}

/** Sums cells into populations; `sideOf` says which one a group belongs to, if any. */
export function populationsOf(
  cells: Cells,
  sides: number,
  sideOf: (group: number) => number,
  counts = cells.count,
): Population[] {
  const populations = Array.from({ length: sides }, () => emptyPopulation(cells.labels, cells.strata))
  for (let i = 0; i < counts.length; i++) {
    const side = sideOf(cells.group[i]!)
    if (side < 0) continue
    const into = populations[side]!
    const n = counts[i]!
    into.rows += n
    into.labels[cells.label[i]!]! += n
    const isFavourable = cells.favourable[i] === 1
    const isPredicted = cells.predicted[i] === 1
    if (isFavourable && isPredicted) into.truePositive += n
    else if (isPredicted) into.falsePositive += n
    else if (isFavourable) into.falseNegative += n
    else into.trueNegative += n
    const at = 4 * cells.stratum[i]!
    into.strata[at + (isFavourable ? 0 : 1)]! += n
    into.strata[at + (isPredicted ? 2 : 3)]! += n
  }
  return populations
}
