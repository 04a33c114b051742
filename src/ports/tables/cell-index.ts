/** Points that a cell of the grid may have without a grid of its own. */
const comparedAtOnce = 2
const cellsPerPoint = 4
const mostLevels = 8

/** Points from..to, in cells of equal width; searched by halves where it has no scale. */
interface Grid {
  from: number
  to: number
  low: number
  high: number
  scale: number
  /** Where its cells begin in `starts`. */
  base: number
}

/**
 * Where values lie among ascending points. A uniform grid says at which point to begin; where points crowd, a cell has a grid of its own.
 * Cells are computed for points as for values and rise with them, so that rounding cannot part the two: the answer is exact.
 */
export function cellIndex(points: Float64Array) {
  const n = points.length
  // What lies beyond the last point compares as neither below nor at.
  const sorted = new Float64Array(n + 3).fill(Number.NaN)
  sorted.set(points)
  const grids: Grid[] = []
  const cells: number[] = []
  layGrid(0, n, 1)
  const starts = Int32Array.from([...cells, 0, n, n + 1])
  const root: Root = {
    low: n > 0 ? points[0]! : Number.POSITIVE_INFINITY,
    high: n > 0 ? points[n - 1]! : Number.NEGATIVE_INFINITY,
    scale: grids[0]!.scale,
    below: cells.length,
    above: cells.length + 1,
    missing: cells.length + 2,
  }

  /** A cell holds the first point that is not in an earlier one, or the number of its own grid, as what is left of -1. */
  function layGrid(from: number, to: number, level: number): number {
    const [low, high] = [points[from] ?? 0, points[to - 1] ?? 0]
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, cellsPerPoint * (to - from))))
    // A little less, so that the last point lies in the last cell.
    const scale = (size / (high - low)) * (1 - 2 ** -40)
    const isUsable = Number.isFinite(scale) && scale > 0 && level <= mostLevels
    const grid: Grid = { from, to, low, high, scale: isUsable ? scale : 0, base: cells.length }
    const number = grids.push(grid) - 1
    if (!isUsable && number > 0) return number
    const crowded: { cell: number; from: number; to: number }[] = []
    for (let at = from; isUsable && at < to; ) {
      const begin = at
      const cell = cellOf(grid, points[begin]!)
      while (at < to && cellOf(grid, points[at]!) === cell) at++
      while (cells.length <= grid.base + cell) cells.push(begin)
      if (at - begin > comparedAtOnce) crowded.push({ cell: grid.base + cell, from: begin, to: at })
    }
    // The first grid has a cell even so.
    if (!isUsable) cells.push(to - from > comparedAtOnce ? ~layGrid(from, to, level + 1) : from)
    for (const part of crowded) cells[part.cell] = ~layGrid(part.from, part.to, level + 1)
    return number
  }

  /** The point to begin at, in a cell that has a grid of its own. */
  function beginWithin(value: number, start: number): number {
    let begin = start
    while (begin < 0) {
      const grid = grids[~begin]!
      // A cell is wider than its points.
      if (value <= grid.low) return grid.from
      if (value > grid.high) return grid.to
      if (grid.scale === 0) return firstNotBelow(points, value, grid)
      begin = starts[grid.base + cellOf(grid, value)]!
    }
    return begin
  }

  return {
    /** Twice the points below each value, one more for a value at a point; beyond all of these what is missing (NaN). */
    find(values: Float64Array, found: Int32Array): void {
      layIntoCells(values, found, root)
      compare(values, found, { starts, sorted, beginWithin })
    },
  }
}

interface Root {
  low: number
  high: number
  scale: number
  below: number
  above: number
  missing: number
}

/** The cell of each value. Both loops have all that they need in variables of their own: so they are compiled well. */
function layIntoCells(values: Float64Array, found: Int32Array, { low, high, scale, below, above, missing }: Root): void {
  const length = Math.min(values.length, found.length)
  for (let i = 0; i < length; i++) {
    const value = values[i]!
    found[i] = value >= low ? (value <= high ? ((value - low) * scale) | 0 : above) : value < low ? below : missing
  }
}

interface Laid {
  starts: Int32Array
  sorted: Float64Array
  beginWithin(value: number, start: number): number
}

function compare(values: Float64Array, found: Int32Array, { starts, sorted, beginWithin }: Laid): void {
  const length = Math.min(values.length, found.length)
  for (let i = 0; i < length; i++) {
    const value = values[i]!
    let begin = starts[found[i]!]!
    if (begin < 0) begin = beginWithin(value, begin)
    const one = sorted[begin]!
    const next = sorted[begin + 1]!
    // A sum of comparisons needs no branch.
    found[i] = ((2 * begin + +(one < value) + +(one <= value)) | 0) + ((+(next < value) + +(next <= value)) | 0)
  }
}

const cellOf = ({ low, scale }: Grid, value: number): number => Math.floor((value - low) * scale)

function firstNotBelow(points: Float64Array, value: number, { from, to }: Grid): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >> 1
    if (points[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
