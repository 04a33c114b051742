import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import { positiveIndex } from '../../ports/inference/label.ts'
import {
  accumulatedEffects,
  type Cell,
  conditionalAnswers,
  type DependenceTable,
  pairedAnswers,
  placesAlong,
} from './methods/dependence.ts'
import type { GameColumn } from './methods/game.ts'
import { backgroundOf, type OpenedVersion } from './opened-versions.ts'
import type { Dependence, DependenceInput } from './schema.ts'

/** How the answer moves with a column, row by row and on the mean, or with two columns at once; over the package's background rows. */
export async function dependenceOf(
  opened: OpenedVersion,
  { column: wanted, with: other, points, output: named }: z.output<typeof DependenceInput>,
): Promise<z.infer<typeof Dependence>> {
  const { signature } = opened.version
  const { classes } = signature
  const output =
    named === undefined ? (signature.task === 'binary' ? positiveIndex(signature) : 0) : (classes?.indexOf(named) ?? -1)
  if (output < 0) throw invalidInput(`The model knows no class "${named}".`, { field: 'output' })
  const { shape, model } = opened
  const table: DependenceTable = {
    column: columnNamed(opened, wanted, 'column'),
    rows: backgroundOf(opened),
    numberColumns: shape.numberColumns,
    stringColumns: shape.stringColumns,
    async ask(batch) {
      const { values, width } = await model.predict(batch)
      return Float64Array.from({ length: batch.rows }, (_, r) => values[r * width + output]!)
    },
  }
  const places = placesAlong(table, points)
  if (places.length < 2)
    throw invalidInput(`"${wanted}" has one value in all background rows; there is nothing to see along it.`, { column: wanted })
  const common = { column: wanted, output: classes?.[output] ?? null, values: shown(opened, wanted, places) }
  if (other !== undefined) {
    const second = columnNamed(opened, other, 'with')
    const others = placesAlong({ ...table, column: second }, points)
    const pair = await pairedAnswers(table, second, [places, others])
    return {
      ...common,
      mean: pair.map((row) => row.reduce((a, b) => a + b, 0) / row.length),
      pair: { column: other, values: shown(opened, other, others), mean: pair },
    }
  }
  const rows = await conditionalAnswers(table, places)
  return {
    ...common,
    mean: places.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length),
    rows: rows.slice(0, shownRows),
    ...(table.column.tensor === 'numbers' && { accumulated: await accumulatedEffects(table, places as number[]) }),
  }
}

const shownRows = 50

function columnNamed({ version }: OpenedVersion, name: string, field: string): GameColumn {
  const found = version.signature.inputs.find((input) => input.name === name)
  if (!found || (found.tensor !== 'numbers' && found.tensor !== 'strings'))
    throw invalidInput(`The model reads no plain column "${name}".`, { field, column: name })
  if (found.type === 'text')
    throw invalidInput(`"${name}" is a text: a whole text is no point on an axis.`, { field, column: name })
  return found as GameColumn
}

/** Dates as dates. */
function shown({ version }: OpenedVersion, name: string, places: readonly Cell[]): Cell[] {
  const { type } = version.signature.inputs.find((input) => input.name === name)!
  return type === 'datetime' ? places.map((place) => new Date(place).toISOString()) : [...places]
}
