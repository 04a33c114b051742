import { invalidInput, PlatformError } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { LiveEndpoint } from '../live.ts'
import { LiveMetrics } from '../live-metrics.ts'
import type { PredictRequest } from '../predict.ts'
import type { Serving } from '../serving.ts'
import { Breaker } from './breaker.ts'
import { pointOf, variantAt } from './choose.ts'
import { mainVariant } from './schema.ts'
import type { ShadowRunner } from './shadows.ts'

/** A variant in this process. */
export interface LiveVariant {
  name: string
  versionId: string
  weight: number
  shadow: boolean
  serving: Serving | null
  /** Loaded in a thread of its own, as shadows are that take long. */
  apart: boolean
  metrics: LiveMetrics
  breaker: Breaker
  state: 'starting' | 'ready' | 'failed'
  message: string | null
}

export interface StickyKey {
  by: 'caller' | 'header' | 'field'
  name: string
}

export const pinHeader = 'x-atoll-variant'

/** How an endpoint with several variants shares its requests out. Endpoints with one have none of this. */
export class LiveTraffic {
  /** Those besides main, in their order. */
  others: LiveVariant[] = []
  sticky: StickyKey | null = null
  readonly main = { metrics: new LiveMetrics(), breaker: new Breaker() }
  private readonly endpoint: LiveEndpoint
  readonly shadows: ShadowRunner

  constructor(endpoint: LiveEndpoint, shadows: ShadowRunner) {
    this.endpoint = endpoint
    this.shadows = shadows
  }

  /** What a request is answered by: pinned by its header, by its key, or by chance. */
  choose(by: Principal, request: PredictRequest): { serving: Serving | null; variant: LiveVariant | null } {
    const pinned = request.header?.(pinHeader)
    if (pinned !== undefined) return this.pinned(pinned)
    const asked = this.others.filter((one) => one.weight > 0 && !one.shadow && one.serving !== null)
    const wanted = variantAt(asked, this.point(by, request))
    if (wanted === null) {
      if (this.main.breaker.take()) return { serving: this.endpoint.serving, variant: null }
      // Main fails: better another variant that is asked anyway than none.
      const instead = asked.find((one) => one.breaker.take())
      if (instead) return { serving: instead.serving, variant: instead }
      throw resting(this.endpoint.name, mainVariant, this.main.breaker)
    }
    if (wanted.breaker.take()) return { serving: wanted.serving, variant: wanted }
    return { serving: this.endpoint.serving, variant: null }
  }

  /** Whether main answers a request, with nobody else to choose. */
  isMainAlone(request: PredictRequest): boolean {
    const isAlone = this.others.every((one) => one.shadow || one.weight === 0)
    return isAlone && request.header?.(pinHeader) === undefined && this.main.breaker.state() === 'closed'
  }

  private pinned(name: string): { serving: Serving | null; variant: LiveVariant | null } {
    if (name === mainVariant) return { serving: this.endpoint.serving, variant: null }
    const variant = this.others.find((one) => one.name === name)
    if (!variant)
      throw invalidInput(
        `The endpoint "${this.endpoint.name}" has no variant "${name.slice(0, 40)}". It has: ${[mainVariant, ...this.others.map((one) => one.name)].join(', ')}.`,
        { field: pinHeader, variants: [mainVariant, ...this.others.map((one) => one.name)] },
      )
    if (!variant.serving)
      throw new PlatformError(
        'unavailable',
        `The variant "${name}" of "${this.endpoint.name}" is not ready: ${variant.message ?? variant.state}.`,
        { variant: name },
      )
    return { serving: variant.serving, variant }
  }

  private point(by: Principal, request: PredictRequest): number {
    const key = this.sticky === null ? undefined : keyOf(this.sticky, by, request)
    return key === undefined ? Math.random() : pointOf(this.endpoint.id, key)
  }

  /** Notes how a request went, for the variant that answered it. */
  settled(variant: LiveVariant | null, outcome: { now: number; ms: number; rows: number; error: unknown }): void {
    const { metrics, breaker } = variant ?? this.main
    metrics.record(outcome.now, outcome.ms, outcome.rows, outcome.error !== null)
    if (outcome.error === null) breaker.succeeded()
    else breaker.failed(outcome.error)
  }

  get hasShadows(): boolean {
    return this.others.some((one) => one.shadow && one.serving !== null)
  }

  weightOfMain(): number {
    return 100 - this.others.reduce((sum, { weight }) => sum + weight, 0)
  }
}

const resting = (endpoint: string, variant: string, breaker: Breaker) =>
  new PlatformError(
    'unavailable',
    `The variant "${variant}" of "${endpoint}" failed several times in a row and is left alone for ${breaker.restSeconds()} s.`,
    { variant, retryAfterSeconds: breaker.restSeconds() },
  )

/** The text by which a request is assigned; none where it carries no such thing. */
function keyOf({ by: kind, name }: StickyKey, by: Principal, request: PredictRequest): string | undefined {
  if (kind === 'caller') return by.userId ?? by.credential.id ?? undefined
  if (kind === 'header') return request.header?.(name)
  if (request.file) return undefined
  const body = request.body() as { row?: unknown; rows?: unknown[] } | null
  const row = body?.row ?? body?.rows?.[0]
  if (row === null || typeof row !== 'object') return undefined
  const value = (row as Record<string, unknown>)[name]
  return value === undefined || value === null ? undefined : String(value)
}
