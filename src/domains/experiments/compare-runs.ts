import type * as z from 'zod'
import { canonicalJson } from '../../kernel/json.ts'
import { lowerIsBetter } from '../goals/schema.ts'
import type { Comparison, Run } from './schema.ts'

/** Runs side by side: every parameter and metric that any of them has, and which value is best. */
export function compareRuns(runs: Run[]): z.infer<typeof Comparison> {
  const names = (of: (run: Run) => object) => [...new Set(runs.flatMap((run) => Object.keys(of(run))))].sort()
  return {
    runs,
    parameters: names((run) => run.parameters).map((name) => {
      const values = runs.map((run) => run.parameters[name] ?? null)
      return { name, values, differs: new Set(values.map(canonicalJson)).size > 1 }
    }),
    metrics: names((run) => run.metrics).map((name) => {
      const values = runs.map((run) => run.metrics[name] ?? null)
      return { name, values, best: bestOf(name, values) }
    }),
  }
}

/** The best value; a prefix such as `validation.` or `test/` does not change what is better. */
function bestOf(name: string, values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return null
  const metric = name.split(/[./]/).find((part) => lowerIsBetter.has(part))
  return metric || name.includes('loss') ? Math.min(...known) : Math.max(...known)
}
