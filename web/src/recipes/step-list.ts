import type { RecipeStep } from '@atoll/sdk'

/** A step with a key of its own, so that it keeps its place on the page while it moves in the list. */
export interface KeyedStep {
  key: number
  step: RecipeStep
}

let next = 1
export const keyed = (steps: readonly RecipeStep[]): KeyedStep[] => steps.map((step) => ({ key: next++, step }))

/** The list with one step moved by so many places, as far as there are places. */
export function moved(list: readonly KeyedStep[], from: number, by: number): KeyedStep[] {
  const to = Math.min(list.length - 1, Math.max(0, from + by))
  const copy = [...list]
  const [step] = copy.splice(from, 1)
  if (step) copy.splice(to, 0, step)
  return copy
}

/** "all numbers", "3 columns", "age, income". */
export function columnsWords(columns: RecipeStep['columns']): string {
  if (columns === undefined) return ''
  if (typeof columns === 'string') return `all ${columns.replace('*', '')}`.replace('all all', 'all columns')
  return columns.length <= 3 ? columns.join(', ') : `${columns.length} columns`
}
