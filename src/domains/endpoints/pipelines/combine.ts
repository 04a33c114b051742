import type { combinations } from './schema.ts'

/** What a step says of one row. */
export interface StepResult {
  /** In the order of the step's classes. */
  probabilities?: number[]
  label?: string
  value?: number
  text?: string
  /** Of a cascade, whose answer it is. */
  by?: string
}

/** Puts together what several steps say of a row; those that were not asked have no say. Null where none was. */
export function combineRow(
  how: (typeof combinations)[number],
  said: readonly (StepResult & { weight: number })[],
  classes: readonly string[],
): StepResult | null {
  const [first] = said
  if (!first) return null
  const total = said.reduce((sum, { weight }) => sum + weight, 0)
  if (first.text !== undefined) return { text: mostVoted(said.map(({ text }) => text!)) }
  if (first.value !== undefined) {
    if (how === 'max') return { value: Math.max(...said.map(({ value }) => value!)) }
    // Of those that were asked none may have a weight.
    return total > 0 ? { value: said.reduce((sum, { value, weight }) => sum + weight * value!, 0) / total } : null
  }
  if (how === 'max') return { probabilities: [...surest(said).probabilities!] }
  if (how === 'vote') {
    const votes = classes.map((one) => said.filter(({ label }) => label === one).length / said.length)
    return { probabilities: votes }
  }
  if (total === 0) return null
  return {
    probabilities: classes.map(
      (_, k) => said.reduce((sum, { probabilities, weight }) => sum + weight * probabilities![k]!, 0) / total,
    ),
  }
}

const surest = <Said extends StepResult>(said: readonly Said[]): Said =>
  said.reduce((best, one) => (Math.max(...one.probabilities!) > Math.max(...best.probabilities!) ? one : best))

/** The first of those that most say. */
function mostVoted(texts: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0]
}
