import { invalidInput } from './errors.ts'

/** Where traces go and which, in the words of OpenTelemetry's environment. */
export interface TraceSettings {
  url: string
  headers: Record<string, string>
  timeoutMs: number
  resource: Record<string, string>
  /** The share of traces that begin here and are kept. */
  ratio: number
  /** Whether the caller's own decision comes first. */
  followsParent: boolean
}

/** Null where nothing is to be traced: no endpoint is named, or tracing is turned off. */
export function readTraceSettings(env: Record<string, string | undefined>): TraceSettings | null {
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim()
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim()
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none' || !(own || base)) return null
  const url = own || `${base!.replace(/\/+$/, '')}/v1/traces`
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalidInput(`OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https address, not "${url}".`, {
      field: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    })
  return {
    url,
    headers: pairs(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? env.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMs: numberOf(env.OTEL_EXPORTER_OTLP_TIMEOUT, 'OTEL_EXPORTER_OTLP_TIMEOUT', 10_000),
    resource: { ...pairs(env.OTEL_RESOURCE_ATTRIBUTES), ...(env.OTEL_SERVICE_NAME && { 'service.name': env.OTEL_SERVICE_NAME }) },
    ...samplerOf(env.OTEL_TRACES_SAMPLER, env.OTEL_TRACES_SAMPLER_ARG),
  }
}

function samplerOf(name = 'parentbased_always_on', argument: string | undefined): Pick<TraceSettings, 'ratio' | 'followsParent'> {
  const followsParent = name.startsWith('parentbased_')
  const kind = followsParent ? name.slice('parentbased_'.length) : name
  if (kind === 'always_on') return { ratio: 1, followsParent }
  if (kind === 'always_off') return { ratio: 0, followsParent }
  if (kind !== 'traceidratio')
    throw invalidInput(
      `OTEL_TRACES_SAMPLER must be always_on, always_off or traceidratio, or one of these after parentbased_, not "${name}".`,
      { field: 'OTEL_TRACES_SAMPLER' },
    )
  const ratio = numberOf(argument, 'OTEL_TRACES_SAMPLER_ARG', 1)
  if (ratio < 0 || ratio > 1)
    throw invalidInput(`OTEL_TRACES_SAMPLER_ARG must lie between 0 and 1, not ${argument}.`, { field: 'OTEL_TRACES_SAMPLER_ARG' })
  return { ratio, followsParent }
}

/** `a=b,c=d`, values percent-encoded (W3C Baggage). */
function pairs(text = ''): Record<string, string> {
  const parts = text.split(',').map((part) => part.split('=', 2))
  return Object.fromEntries(
    parts.flatMap(([name, value]) => (name?.trim() && value !== undefined ? [[name.trim(), decoded(value.trim())]] : [])),
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function numberOf(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined || text.trim() === '') return otherwise
  const value = Number(text)
  if (!Number.isFinite(value)) throw invalidInput(`${name} must be a number, not "${text}".`, { field: name })
  return value
}
