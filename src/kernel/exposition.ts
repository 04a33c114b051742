export type Labels = Readonly<Record<string, string>>

/** One figure of a family. `suffix` is `_bucket`, `_sum`, `_count` of histograms and summaries. */
export interface Sample {
  suffix?: string
  labels: Labels
  value: number
}

/** Figures of one name. Counters are named without `_total`. */
export interface Family {
  name: string
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  help: string
  samples: readonly Sample[]
}

export type Format = 'prometheus' | 'openmetrics'

const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
const prometheus = 'text/plain; version=0.0.4; charset=utf-8'

/** The format that a scraper asks for: the older one unless it names the other. */
export const formatOf = (accept: string | undefined): Format =>
  accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'prometheus'

export const contentTypeOf = (format: Format): string => (format === 'openmetrics' ? openMetrics : prometheus)

/** Families as text: Prometheus 0.0.4, or OpenMetrics 1.0. A family without figures is named all the same. */
export function exposition(families: readonly Family[], format: Format): string {
  const lines: string[] = []
  for (const { name, type, help, samples } of families) {
    const isCounter = type === 'counter'
    const told = isCounter && format === 'prometheus' ? `${name}_total` : name
    lines.push(`# HELP ${told} ${escapeHelp(help, format)}`, `# TYPE ${told} ${type}`)
    for (const { suffix = '', labels, value } of samples)
      lines.push(`${name}${isCounter ? '_total' : suffix}${labelsText(labels)} ${numberText(value)}`)
  }
  if (format === 'openmetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escapeLabel = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

function escapeHelp(text: string, format: Format): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped
}

const numberText = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
