/** Counts of numbers between and exactly at ascending points. */
export interface CellCounts {
  /**
   * For points p0 < p1 < …: how many lay below p0, at p0, between p0 and p1, at p1, … above the last:
   * twice the number of points, plus one.
   */
  cells: Float64Array
  missing: number
}

/** Counts values into cells in constant time each: a uniform grid over the points says where to begin to look. */
export function cellCounter(
  points: Float64Array,
): CellCounts & { add(value: number | null): void; addAll(values: Float64Array): void } {
  const n = points.length
  const cells = new Float64Array(2 * n + 1)
  const low = points[0] ?? 0
  const high = points[n - 1] ?? 0
  const gridSize = n < 2 ? 1 : 4 * n
  const scale = high > low ? gridSize / (high - low) : 0
  const isUsable = Number.isFinite(scale) && scale > 0
  const gridOf = (value: number) => Math.min(gridSize - 1, Math.max(0, Math.floor((value - low) * scale)))
  // The first point of each grid cell or after it; computed as values are, so that rounding cannot part them.
  const firstPoint = new Int32Array(gridSize + 1).fill(n)
  if (isUsable) {
    for (let i = n - 1; i >= 0; i--) firstPoint[gridOf(points[i]!)] = i
    for (let g = gridSize - 1; g >= 0; g--) firstPoint[g] = Math.min(firstPoint[g]!, firstPoint[g + 1]!)
  }
  const counts = { cells, missing: 0 }

  function add(value: number | null): void {
    addAll(Float64Array.of(value ?? Number.NaN))
  }

  /** NaN is missing. One loop over all: a call for each value would cost more than counting it. */
  function addAll(values: Float64Array): void {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!
      let from = 0
      let to = n
      if (value >= low && value <= high && isUsable) {
        const at = Math.floor((value - low) * scale)
        const g = at < gridSize ? at : gridSize - 1
        from = firstPoint[g]!
        to = firstPoint[g + 1]!
      } else if (value < low) to = 0
      else if (value > high) from = n
      else if (Number.isNaN(value)) {
        counts.missing++
        continue
      }
      while (from < to) {
        const middle = (from + to) >> 1
        if (points[middle]! < value) from = middle + 1
        else to = middle
      }
      cells[2 * from + (from < n && points[from] === value ? 1 : 0)]!++
    }
  }

  return {
    cells,
    get missing() {
      return counts.missing
    },
    add,
    addAll,
  }
}
