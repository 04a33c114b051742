import type { RawBatch, RawScores } from '../../../ports/inference/inference.ts'

/** A column of the model's inputs: where it lies in a batch. */
export interface GameColumn {
  name: string
  tensor: 'numbers' | 'strings'
  index: number
}

/**
 * The game that Shapley values divide: columns are the players, and a coalition is worth the mean answer over the background rows
 * once the coalition's columns are set to the explained row's values (the interventional game; Janzing et al. 2020).
 */
export interface Game {
  columns: readonly GameColumn[]
  numberColumns: number
  stringColumns: number
  /** Answers of the model per row. */
  outputs: number
  /** The explained row. */
  row: RawBatch
  background: RawBatch
  /** Answers of the model, row-major. */
  answer(batch: RawBatch): Promise<Float64Array>
}

/** Contributions by column and output, what they start from, and how sure they are. */
export interface Attribution {
  /** [columns, outputs] */
  values: Float64Array
  /** [outputs]: the mean answer over the background. */
  base: Float64Array
  /** [outputs]: the answer for the row. `base` and the column's values add up to it. */
  answer: Float64Array
  /** [columns, outputs] standard errors of a sampled method; null where nothing was sampled. */
  errors: Float64Array | null
  evaluations: number
}

/** Rows of one call to the model: large enough to pay, small enough that filling them holds nothing up. */
const rowsPerCall = 1024

/**
 * Answers to mixed rows: row `i` is background row `from(i)` where `taken[i * columns + c]` is 0, and the explained row's value where it is 1.
 * Answers [count, outputs].
 */
export async function answersToMixed(
  game: Game,
  count: number,
  from: (i: number) => number,
  taken: Uint8Array,
): Promise<Float64Array> {
  const { columns, numberColumns, stringColumns, row, background, outputs } = game
  const result = new Float64Array(count * outputs)
  const numberAt = Int32Array.from(columns, (column) => (column.tensor === 'numbers' ? column.index : -1))
  const stringAt = Int32Array.from(columns, (column) => (column.tensor === 'strings' ? column.index : -1))
  for (let start = 0; start < count; start += rowsPerCall) {
    const rows = Math.min(rowsPerCall, count - start)
    const numbers = new Float64Array(rows * numberColumns)
    const strings = new Array<string>(rows * stringColumns)
    for (let r = 0; r < rows; r++) {
      const b = from(start + r)
      for (let c = 0; c < numberColumns; c++) numbers[r * numberColumns + c] = background.numbers[b * numberColumns + c]!
      for (let c = 0; c < stringColumns; c++) strings[r * stringColumns + c] = background.strings[b * stringColumns + c]!
      const mask = (start + r) * columns.length
      for (let c = 0; c < columns.length; c++) {
        if (taken[mask + c] === 0) continue
        if (numberAt[c]! >= 0) numbers[r * numberColumns + numberAt[c]!] = row.numbers[numberAt[c]!]!
        else strings[r * stringColumns + stringAt[c]!] = row.strings[stringAt[c]!]!
      }
    }
    result.set(await game.answer({ rows, numbers, strings }), start * outputs)
  }
  return result
}

/** The model's answers to the background rows as they are: [background, outputs]. */
export const answersToBackground = (game: Game): Promise<Float64Array> => game.answer(game.background)

/** Whether a background row has another value than the explained row in each column: only those columns can matter. */
export function differing(game: Game, b: number): number[] {
  const { columns, row, background, numberColumns, stringColumns } = game
  const found: number[] = []
  columns.forEach(({ tensor, index }, c) => {
    const same =
      tensor === 'numbers'
        ? Object.is(row.numbers[index], background.numbers[b * numberColumns + index])
        : row.strings[index] === background.strings[b * stringColumns + index]
    if (!same) found.push(c)
  })
  return found
}

/** Means by output of answers [rows, outputs]. */
export function meanOf(answers: Float64Array, outputs: number): Float64Array {
  const mean = new Float64Array(outputs)
  const rows = answers.length / outputs
  for (let i = 0; i < answers.length; i++) mean[i % outputs]! += answers[i]! / rows
  return mean
}

/** The answers as log odds where that is asked for: there the contributions of independent evidence add up. */
export function scaled(scores: RawScores, scale: 'answer' | 'log_odds'): Float64Array {
  const values = Float64Array.from(scores.values)
  if (scale === 'log_odds') for (let i = 0; i < values.length; i++) values[i] = logOdds(values[i]!)
  return values
}

/** Probabilities are float32: nearer to 0 or 1 than this they say nothing more. */
const edge = 1e-7

export function logOdds(p: number): number {
  const safe = Math.min(1 - edge, Math.max(edge, p))
  return Math.log(safe / (1 - safe))
}
