import type { Family, Labels, Sample } from '../../../kernel/exposition.ts'
import { LatencyHistogram, shownBoundsMs } from '../latency-histogram.ts'
import type { LiveEndpoint } from '../live.ts'
import type { LiveMetrics, Totals } from '../live-metrics.ts'
import { mainVariant } from '../traffic/schema.ts'

/** What one variant did in this process, whether or not it still stands. */
interface Kept {
  metrics: LiveMetrics | null
  /** Of those that stood under this name before. */
  before: Totals
}

/**
 * Figures of endpoints by variant. What main did is what the endpoint did less what its other variants did: so nothing is counted twice on the way of a
 * request, and no counter goes back when variants come and go.
 */
export function endpointFamilies(all: () => readonly LiveEndpoint[]): () => Family[] {
  const known = new Map<string, Map<string, Kept>>()

  function variantsOf(endpoint: LiveEndpoint): [string, Totals][] {
    const kept = known.get(endpoint.id) ?? new Map<string, Kept>()
    known.set(endpoint.id, kept)
    const standing = new Map(
      (endpoint.traffic?.others ?? []).filter((one) => !one.shadow).map(({ name, metrics }) => [name, metrics]),
    )
    for (const [name, metrics] of standing)
      if (kept.get(name)?.metrics !== metrics) kept.set(name, { metrics, before: totalsOf(kept.get(name)) })
    for (const [name, one] of kept)
      if (one.metrics !== null && !standing.has(name)) kept.set(name, { metrics: null, before: totalsOf(one) })
    const others = [...kept].map(([name, one]): [string, Totals] => [name, totalsOf(one)])
    const main = others.reduce((rest, [, totals]) => less(rest, totals), copy(endpoint.metrics.totals()))
    return [[mainVariant, main], ...others]
  }

  return () => {
    const endpoints = [...all()].sort((a, b) => (a.id < b.id ? -1 : 1))
    const of = (endpoint: LiveEndpoint): Labels => ({ endpoint: endpoint.name, id: endpoint.id })
    const byVariant = endpoints.flatMap((endpoint) =>
      variantsOf(endpoint).map(([variant, totals]) => ({ labels: { ...of(endpoint), variant }, totals })),
    )
    const each = (value: (endpoint: LiveEndpoint) => number | null): Sample[] =>
      endpoints.flatMap((endpoint) => {
        const figure = value(endpoint)
        return figure === null ? [] : [{ labels: of(endpoint), value: figure }]
      })
    const workers = ({ serving }: LiveEndpoint) =>
      serving?.answers === 'rows' ? (serving.model.workers?.figures() ?? null) : null
    const text = ({ metrics }: LiveEndpoint) => metrics.text.read()
    return [
      {
        name: 'atoll_endpoint_requests',
        type: 'counter',
        help: 'Requests that an endpoint was asked, by the variant that answered.',
        samples: byVariant.map(({ labels, totals }) => ({ labels, value: totals.latency.total })),
      },
      {
        name: 'atoll_endpoint_errors',
        type: 'counter',
        help: 'Requests that were refused or failed.',
        samples: byVariant.map(({ labels, totals }) => ({ labels, value: totals.errors })),
      },
      {
        name: 'atoll_endpoint_rows',
        type: 'counter',
        help: 'Rows that were answered.',
        samples: byVariant.map(({ labels, totals }) => ({ labels, value: totals.rows })),
      },
      {
        name: 'atoll_endpoint_seconds',
        type: 'histogram',
        help: 'How long requests took, from their body to their answer.',
        samples: byVariant.flatMap(({ labels, totals }) => histogram(labels, totals.latency)),
      },
      {
        name: 'atoll_endpoint_in_flight',
        type: 'gauge',
        help: 'Requests that are being answered.',
        samples: each(({ gate }) => gate.inFlight),
      },
      {
        name: 'atoll_endpoint_waiting',
        type: 'gauge',
        help: 'Calls that wait for a worker of the model, where it runs in workers.',
        samples: each((endpoint) => workers(endpoint)?.waiting ?? null),
      },
      {
        name: 'atoll_endpoint_oldest_wait_seconds',
        type: 'gauge',
        help: 'How long the call that waits longest has waited.',
        samples: each((endpoint) => (workers(endpoint) ? workers(endpoint)!.oldestMs / 1000 : null)),
      },
      {
        name: 'atoll_endpoint_workers',
        type: 'gauge',
        help: 'Workers of the model, by whether they are busy.',
        samples: endpoints.flatMap((endpoint) => {
          const figures = workers(endpoint)
          if (!figures) return []
          return [
            { labels: { ...of(endpoint), state: 'busy' }, value: figures.busy },
            { labels: { ...of(endpoint), state: 'idle' }, value: figures.workers - figures.busy },
          ]
        }),
      },
      {
        name: 'atoll_endpoint_rejected',
        type: 'counter',
        help: 'Requests that were turned away: full is the endpoint, caller is whoever asked too often.',
        samples: endpoints.flatMap((endpoint) => [
          { labels: { ...of(endpoint), reason: 'full' }, value: endpoint.gate.rejected },
          { labels: { ...of(endpoint), reason: 'caller' }, value: endpoint.gate.throttled },
        ]),
      },
      {
        name: 'atoll_endpoint_captures_dropped',
        type: 'counter',
        help: 'Requests that were answered and not captured because the disk did not keep up.',
        samples: each(({ captures }) => captures.dropped),
      },
      {
        name: 'atoll_endpoint_memory_bytes',
        type: 'gauge',
        help: 'What the model of an endpoint takes.',
        samples: each(({ serving }) => (serving?.answers === 'rows' ? serving.model.memoryBytes : null)),
      },
      {
        name: 'atoll_endpoint_up',
        type: 'gauge',
        help: 'Whether an endpoint answers (asleep counts: it wakes when it is asked).',
        samples: each(({ state }) => (state === 'ready' || state === 'asleep' ? 1 : 0)),
      },
      {
        name: 'atoll_endpoint_prompt_tokens',
        type: 'counter',
        help: 'Tokens that a language model read.',
        samples: each((endpoint) => text(endpoint)?.promptTokens ?? null),
      },
      {
        name: 'atoll_endpoint_generated_tokens',
        type: 'counter',
        help: 'Tokens that a language model wrote.',
        samples: each((endpoint) => text(endpoint)?.generatedTokens ?? null),
      },
    ]
  }
}

function histogram(labels: Labels, latency: LatencyHistogram): Sample[] {
  const counts = latency.cumulative(shownBoundsMs)
  return [
    ...shownBoundsMs.map((bound, i) => ({
      suffix: '_bucket',
      labels: { ...labels, le: String(bound / 1000) },
      value: counts[i]!,
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: latency.total },
    { suffix: '_sum', labels, value: latency.sumMs / 1000 },
    { suffix: '_count', labels, value: latency.total },
  ]
}

const copy = ({ latency, errors, rows }: Totals): Totals => {
  const fresh = new LatencyHistogram()
  fresh.add(latency)
  return { latency: fresh, errors, rows }
}

const nothing = (): Totals => ({ latency: new LatencyHistogram(), errors: 0, rows: 0 })

function totalsOf(kept: Kept | undefined): Totals {
  if (!kept) return nothing()
  const sum = copy(kept.before)
  if (kept.metrics === null) return sum
  const { latency, errors, rows } = kept.metrics.totals()
  sum.latency.add(latency)
  return { latency: sum.latency, errors: sum.errors + errors, rows: sum.rows + rows }
}

function less(from: Totals, { latency, errors, rows }: Totals): Totals {
  from.latency.subtract(latency)
  return { latency: from.latency, errors: Math.max(0, from.errors - errors), rows: Math.max(0, from.rows - rows) }
}
