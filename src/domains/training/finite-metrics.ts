import type { Evaluation } from '../registry/schema.ts'

/** Metrics that these rows could give: one that is not a number (written as text by the engine) is left out. */
export function finiteMetrics(metrics: Evaluation['metrics']): Evaluation['metrics'] {
  return Object.fromEntries(Object.entries(metrics).filter(([, one]) => [one.value, one.low, one.high].every(Number.isFinite)))
}
