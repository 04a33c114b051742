import type { ClassPredictions, Predictions } from '../../evaluation/statistics/predictions.ts'
import type { Signature } from '../../registry/schema.ts'
import type { Said } from './predict-rows.ts'

export interface PairedRow {
  truth: string | number
  champion: Said
  challenger: Said
  group: string | null
}

export interface PairedUp {
  champion: Predictions
  challenger: Predictions
  /** Of the positive class. */
  positive: number | null
  groups: Int32Array
  leftOut: number
}

/** Rows of two models side by side, over the classes that either knows (the positive one of two last, as metrics expect it). */
export function pairUp(rows: readonly PairedRow[], champion: Signature, challenger: Signature): PairedUp {
  const groupOf = new Map<string, number>()
  const groups = (kept: readonly PairedRow[]) =>
    Int32Array.from(kept, ({ group }) => {
      const name = group ?? ''
      if (!groupOf.has(name)) groupOf.set(name, groupOf.size)
      return groupOf.get(name)!
    })
  if (!champion.classes || !challenger.classes) {
    const actual = Float64Array.from(rows, ({ truth }) => Number(truth))
    const numbers = (side: 'champion' | 'challenger') => ({
      kind: 'numbers' as const,
      actual,
      predicted: Float64Array.from(rows, (row) => row[side].value),
    })
    return { champion: numbers('champion'), challenger: numbers('challenger'), positive: null, groups: groups(rows), leftOut: 0 }
  }
  const classes = [...new Set([...champion.classes, ...challenger.classes])]
  if (classes.length === 2 && champion.positive === classes[0]) classes.reverse()
  const indexOf = new Map(classes.map((name, k) => [name, k]))
  const kept = rows.filter(({ truth }) => indexOf.has(String(truth)))
  const actual = Int32Array.from(kept, ({ truth }) => indexOf.get(String(truth))!)
  const said = (side: 'champion' | 'challenger', own: readonly string[]): ClassPredictions => {
    const probabilities = new Float64Array(kept.length * classes.length)
    kept.forEach((row, i) => {
      own.forEach((name, k) => {
        probabilities[i * classes.length + indexOf.get(name)!] = row[side].probabilities[k]!
      })
    })
    return {
      kind: 'classes',
      classes: classes.length,
      actual,
      label: Int32Array.from(kept, (row) => indexOf.get(row[side].label!)!),
      probabilities,
    }
  }
  return {
    champion: said('champion', champion.classes),
    challenger: said('challenger', challenger.classes),
    positive: champion.positive === null ? null : indexOf.get(champion.positive)!,
    groups: groups(kept),
    leftOut: rows.length - kept.length,
  }
}
