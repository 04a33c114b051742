import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { RawBatch, RawScores } from '../../ports/inference/inference.ts'
import { answerWidth } from '../../ports/inference/signature.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { exactShapley, mostExactColumns } from './methods/exact.ts'
import { type Attribution, type Game, scaled } from './methods/game.ts'
import { kernelShapley } from './methods/kernel.ts'
import { additiveShapley } from './methods/linear.ts'
import { permutationShapley } from './methods/permutation.ts'
import { backgroundOf, type OpenedVersion } from './opened-versions.ts'
import type { ExplainOptions } from './schema.ts'
import { type TreeAttribution, treeAttribution } from './tree-columns.ts'

type Options = Pick<z.output<typeof ExplainOptions>, 'method' | 'scale' | 'rounds' | 'seed'>

export interface Attributed extends Attribution {
  method: string
  /** What trees add up to where that is not the scale that was asked for. */
  unit?: TreeAttribution['unit']
  features?: TreeAttribution['features']
}

/** Asked of a method that weighs coalitions by sampling. */
const kernelCoalitions = 256
/** Walks per background row where nobody says how many. */
const usualRounds = 2

/** Contributions of the raw columns to the answers for one row. */
export async function attribute(opened: OpenedVersion, row: RawBatch, options: Options): Promise<Attributed> {
  if (options.method === 'tree') return { ...(await treeAttribution(opened, row)), method: 'tree' }
  const game = gameOf(opened, row, options.scale)
  const columns = game.columns.length
  const { method, rounds = usualRounds, seed } = options
  if (method === 'exact') {
    if (columns > mostExactColumns)
      throw invalidInput(
        `The model reads ${columns} columns; every coalition can be asked for up to ${mostExactColumns}. Use "permutation".`,
        {
          field: 'method',
        },
      )
    return { ...(await exactShapley(game)), method }
  }
  if (method === 'linear') {
    const added = await additiveShapley(game)
    if (!added)
      throw invalidInput(
        `On this scale the answer is not a sum over the columns${options.scale === 'answer' && opened.version.signature.task === 'binary' ? '; try "scale": "log_odds"' : ''}. Use "permutation".`,
        { field: 'method' },
      )
    return { ...added, method }
  }
  const random = randomFrom(seed)
  if (method === 'kernel') {
    const coalitions = Math.min(2 ** Math.min(columns, 20) - 2, 2 * columns + kernelCoalitions * (options.rounds ?? 1))
    return { ...(await kernelShapley(game, { coalitions, random })), method }
  }
  if (method === 'auto' && columns <= 7) return { ...(await exactShapley(game)), method: 'exact' }
  return { ...(await permutationShapley(game, { rounds, random: random.next })), method: 'permutation' }
}

/** The game that a row's columns play against the package's background. */
export function gameOf(opened: OpenedVersion, row: RawBatch, scale: Options['scale']): Game {
  const { version, shape, model } = opened
  if (scale === 'log_odds' && version.signature.task === 'regression')
    throw invalidInput('A number has no log odds. Leave "scale" out.', { field: 'scale' })
  const outputs = answerWidth(version.signature)
  return {
    columns: version.signature.inputs as Game['columns'],
    numberColumns: shape.numberColumns,
    stringColumns: shape.stringColumns,
    outputs,
    row,
    background: backgroundOf(opened),
    answer: async (batch) =>
      batch.rows === 0 ? new Float64Array(0) : scaled(firstOf(await model.predict(batch), outputs), scale),
  }
}

/** The first values of each row. */
function firstOf(scores: RawScores, count: number): RawScores {
  if (count === scores.width) return scores
  const rows = scores.values.length / scores.width
  const values = new Float32Array(rows * count)
  for (let r = 0; r < rows; r++) values.set(scores.values.subarray(r * scores.width, r * scores.width + count), r * count)
  return { values, width: count }
}

/** One row of a batch. */
export function rowAt(
  batch: RawBatch,
  row: number,
  { numberColumns, stringColumns }: { numberColumns: number; stringColumns: number },
): RawBatch {
  return {
    rows: 1,
    numbers: batch.numbers.slice(row * numberColumns, (row + 1) * numberColumns),
    strings: batch.strings.slice(row * stringColumns, (row + 1) * stringColumns),
    ...(batch.items && { items: [batch.items[row]!] }),
  }
}
