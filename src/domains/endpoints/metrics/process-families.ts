import type { Family, Sample } from '../../../kernel/exposition.ts'

let collecting: Promise<() => Promise<Family[]>> | undefined

/** Memory, CPU, event-loop lag and garbage collection of this process. Collected from the first time somebody asks. */
export async function processFamilies(): Promise<Family[]> {
  collecting ??= import('prom-client').then(({ collectDefaultMetrics, Registry }) => {
    const register = new Registry()
    collectDefaultMetrics({ register, prefix: 'atoll_' })
    return async () => ((await register.getMetricsAsJSON()) as unknown as Collected[]).filter(isOwn).map(asFamily)
  })
  return (await collecting)()
}

interface Collected {
  name: string
  help: string
  type: Family['type']
  values: { metricName?: string; labels: Record<string, string | number>; value: number }[]
}

/** Sums of other gauges, under the ending that belongs to counters, say nothing of their own. */
const isOwn = ({ name, type }: Collected): boolean => type === 'counter' || !name.endsWith('_total')

function asFamily({ name, help, type, values }: Collected): Family {
  const samples = values.map(
    ({ metricName = name, labels, value }): Sample => ({
      ...(metricName !== name && { suffix: metricName.slice(name.length) }),
      labels: Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)])),
      value,
    }),
  )
  return { name: name.replace(/_total$/, ''), type, help: help.endsWith('.') ? help : `${help}.`, samples }
}
