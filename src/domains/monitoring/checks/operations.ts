import { binomialUpperTail } from '../statistics/binomial.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, figure, percent } from './words.ts'

const leastRequests = 20

/** Whether the endpoint answers: errors, latency, how busy it is, what a request costs. Of the process that looks. */
export const operations: Check<'operations'> = {
  kind: 'operations',
  title: 'Operations',
  needsRows: false,
  async look({ operations: lately }, { minutes, errorRate, p95Ms, busy, costPerThousand, costPerHour }) {
    const found = await lately(minutes)
    const { requests, errors, latencies, latencyMs, workMs, series } = found
    if (requests < leastRequests)
      throw notJudged(
        `The process that looks has answered ${requests} requests in the last ${minutes} minutes; ${leastRequests} are needed.`,
      )
    // Whole buckets above the bound: no request is counted as slow that may not be.
    const slow = p95Ms === null ? 0 : latencies.reduce((sum, one) => (one.fromMs >= p95Ms ? sum + one.requests : sum), 0)
    const hours = Math.max(1, Date.now() - Date.parse(found.since)) / 3_600_000
    const atOnce = workMs / (hours * 3_600_000)
    const cost = (costPerHour * hours * 1000) / requests
    const questions = [
      { about: 'errors', pValue: binomialUpperTail(errors, requests, errorRate) },
      ...(p95Ms === null ? [] : [{ about: 'latency', pValue: binomialUpperTail(slow, requests, 0.05) }]),
    ] as const
    return {
      pValues: questions.map(({ pValue }) => pValue),
      judge(adjusted, level) {
        const isSure = (about: 'errors' | 'latency') => {
          const at = questions.findIndex((question) => question.about === about)
          return at >= 0 && adjusted[at]! < level
        }
        const said: string[] = []
        let state: 'quiet' | 'warning' | 'alert' = 'quiet'
        if (isSure('errors')) {
          state = 'alert'
          said.push(
            `${percent(errors / requests)} of ${requests} requests failed; ${percent(errorRate)} may (${chance(adjusted[0]!)})`,
          )
        }
        if (isSure('latency')) {
          if (state === 'quiet') state = 'warning'
          said.push(
            `${percent(slow / requests)} of requests took ${figure(p95Ms!)} ms or longer; 5 % may (${chance(adjusted[1]!)})`,
          )
        }
        // What is measured whole is no sample: it is above its bound, or not.
        if (busy !== null && atOnce > busy) {
          if (state === 'quiet') state = 'warning'
          said.push(`requests were in work for ${percent(atOnce)} of the time; the bound is ${percent(busy)}`)
        }
        if (costPerThousand !== null && cost > costPerThousand) {
          if (state === 'quiet') state = 'warning'
          said.push(`a thousand requests cost ${figure(cost)}; the bound is ${figure(costPerThousand)}`)
        }
        return {
          state,
          sentence:
            said.length > 0
              ? `In the last ${minutes} minutes ${said.join('; ')}.`
              : `${requests} requests in the last ${minutes} minutes, ${errors} failed${latencyMs ? `, 95 % were answered within ${figure(latencyMs.p95)} ms` : ''}.`,
          recommendation: isSure('errors')
            ? 'Look at what the endpoint refuses and why: its log names row and column. If it began with a deployment, roll back.'
            : 'Give the endpoint more workers, a smaller model, or fewer rows a request.',
          evidence: {
            figures: [
              { name: 'requests', value: requests, unit: 'rows' },
              { name: 'failed', value: errors / requests, alert: errorRate, pValue: adjusted[0]!, unit: 'share' },
              { name: 'latency, 95 %', value: latencyMs?.p95 ?? null, warning: p95Ms, pValue: adjusted[1] ?? null, unit: 'ms' },
              { name: 'in work at once', value: atOnce, warning: busy },
              ...(costPerHour > 0
                ? [{ name: 'cost of a thousand requests', value: cost, warning: costPerThousand, unit: 'money' as const }]
                : []),
            ],
            plots: [
              {
                title: 'Latency of the middle and of the slowest hundredth, ms',
                kind: 'line',
                ...thinned(series),
              },
            ],
            columns: [],
            notes: [],
          },
        }
      },
    }
  },
}

const points = 60

/** The slowest of each stretch, so that no peak is lost. */
function thinned({ at, p50, p99 }: { at: number[]; p50: (number | null)[]; p99: (number | null)[] }) {
  const step = Math.max(1, Math.ceil(at.length / points))
  const stretches = Array.from({ length: Math.ceil(at.length / step) }, (_, i) => i * step)
  const most = (values: (number | null)[]) =>
    stretches.map((from) => {
      const present = values.slice(from, from + step).filter((value) => value !== null)
      return present.length === 0 ? null : Math.max(...present)
    })
  return {
    labels: stretches.map((from) => new Date(at[from]!).toISOString().slice(11, 16)),
    series: [
      { name: 'half within', values: most(p50) },
      { name: '99 % within', values: most(p99) },
    ],
  }
}
