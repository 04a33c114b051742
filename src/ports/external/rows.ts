import type { LoadedModel } from '../inference/inference.ts'
import { type ModelSignature, shapeOf } from '../inference/signature.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { ask, jsonOf, odd } from './ask.ts'
import type { ExternalModel } from './external.ts'

/** A model of tables behind an address: rows go there as `{ "rows": [...] }`, as our own /predict takes them, and its predictions become scores. */
export function externalRows(outbound: Outbound, external: ExternalModel, signature: ModelSignature): LoadedModel {
  const { inputs, classes } = signature
  const { width, numberColumns, stringColumns } = shapeOf(signature)
  const scoresOf = (prediction: any, row: number): number[] => {
    const given = classes ? classes.map((name) => prediction?.probabilities?.[name]) : [prediction?.value]
    if (given.every((value) => typeof value === 'number' && Number.isFinite(value))) return given as number[]
    throw odd(
      classes
        ? `prediction ${row} has no "probabilities" of ${classes.slice(0, 5).join(', ')}`
        : `prediction ${row} has no number as its "value"`,
    )
  }
  return {
    kind: 'external',
    place: 'process',
    memoryBytes: 0,
    async predict({ rows, numbers, strings }, { signal } = {}) {
      const body = {
        rows: Array.from({ length: rows }, (_, r) =>
          Object.fromEntries(
            inputs.map(({ name, tensor, index }) => {
              if (tensor === 'strings') return [name, strings[r * stringColumns + index] || null]
              const value = numbers[r * numberColumns + index]!
              return [name, Number.isNaN(value) ? null : value]
            }),
          ),
        ),
      }
      const answer = (await jsonOf(await ask(outbound, external, { path: '', body, signal }))) as { predictions?: unknown[] }
      if (!Array.isArray(answer?.predictions) || answer.predictions.length !== rows)
        throw odd(`${rows} predictions were asked for, and not so many came`)
      const values = new Float32Array(rows * width)
      answer.predictions.forEach((prediction, r) => {
        values.set(scoresOf(prediction, r), r * width)
      })
      return { width, values }
    },
    async close() {},
  }
}
