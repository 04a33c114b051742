import { isPlatformError } from '../../../kernel/errors.ts'
import type { AppendLogs } from '../../../ports/logs/append-log.ts'
import type { LiveEndpoint } from '../live.ts'
import { LiveMetrics } from '../live-metrics.ts'
import { headOf, type Load, type LoadedRows, type LoadedText, type Serving, toLoad } from '../serving.ts'
import { type EndpointRow, knownOf } from '../store.ts'
import { shadowText } from '../write-rows.ts'
import { Breaker } from './breaker.ts'
import { LiveTraffic, type LiveVariant, type StickyKey } from './live-traffic.ts'
import { mainVariant } from './schema.ts'
import { shadowRunner } from './shadows.ts'
import type { VariantRow } from './store.ts'

export interface LiveVariantsNeeds {
  /** Where the answers of shadows are appended. */
  logs: AppendLogs
  load: Load
  entryOf(row: EndpointRow): LiveEndpoint
  onError(error: unknown, doing: string): void
}

/** The variants besides main of the endpoints of this process: loaded, exchanged, let go. */
export function liveVariants({ logs, load, entryOf, onError }: LiveVariantsNeeds) {
  /** The variants besides main as their rows say: those that are new are loaded, those that are gone are let go. A variant that fails is said so. */
  async function ensureVariants(row: EndpointRow, rows: readonly VariantRow[], sticky: StickyKey | null): Promise<void> {
    const endpoint = entryOf(row)
    if (rows.length === 0) {
      if (endpoint.traffic) await dropTraffic(endpoint, row)
      return
    }
    endpoint.traffic ??= new LiveTraffic(
      endpoint,
      shadowRunner(logs, row.id, (serving, asked) => shadowText(serving, asked as Parameters<typeof shadowText>[1])),
    )
    const { traffic } = endpoint
    traffic.sticky = sticky
    if (endpoint.serving) endpoint.serving.head = headOf(row.name, row, mainVariant)
    const before = traffic.others
    const next: LiveVariant[] = rows.map((variant) => {
      const known = before.find((one) => one.name === variant.name && one.versionId === variant.version_id)
      const facts = { weight: variant.weight, shadow: variant.shadow === 1 }
      return known ? Object.assign(known, facts) : newVariant(variant, facts)
    })
    // Those that stay answer meanwhile; a new one gets its share when it is loaded.
    traffic.others = next
    for (const gone of before) if (!next.includes(gone)) letGo(traffic, gone)
    for (const [at, variant] of next.entries()) {
      // What ran apart as a shadow is loaded where it answers fastest before it answers.
      const isElsewhere = variant.apart && !variant.shadow && variant.weight > 0
      if (variant.serving && !isElsewhere) continue
      const had = variant.serving
      await loadVariant(row, variant, rows[at]!)
      if (had && had !== variant.serving) void had.release()
    }
  }

  async function loadVariant(row: EndpointRow, variant: LiveVariant, from: VariantRow): Promise<void> {
    try {
      const loaded = await load(toLoad(from), { apart: variant.shadow && 'unless-instant' })
      takeInto(row, variant, from, loaded)
    } catch (error) {
      variant.state = 'failed'
      variant.message = isPlatformError(error) ? error.message : 'The model could not be loaded; the log of the server says why.'
      onError(error, `loading the variant ${from.name} of ${row.name}`)
    }
  }

  function takeInto(row: EndpointRow, variant: LiveVariant, from: VariantRow, loaded: LoadedRows | LoadedText): void {
    variant.apart = variant.shadow && !(loaded.answers === 'rows' && loaded.model.predictNow)
    variant.serving = { ...loaded, head: headOf(row.name, from, from.name), variant: from.name }
    variant.state = 'ready'
    variant.message = null
    const main = entryOf(row).serving
    // A column that only one of them reads is not unknown to the other.
    if (variant.serving.answers === 'rows' && main?.answers === 'rows') {
      variant.serving.encoder.allowOthers(main.encoder.columns)
      variant.serving.encoder.allowOthers(knownOf(row))
    }
  }

  function letGo(traffic: LiveTraffic, variant: LiveVariant): void {
    const { serving } = variant
    variant.serving = null
    traffic.shadows.forget(variant)
    void serving?.release()
  }

  async function dropTraffic(endpoint: LiveEndpoint, row: EndpointRow): Promise<void> {
    const { traffic } = endpoint
    endpoint.traffic = null
    if (endpoint.serving) endpoint.serving.head = headOf(row.name, row)
    for (const variant of traffic!.others) letGo(traffic!, variant)
    await traffic!.shadows.close()
  }

  /** A loaded variant and main change places; nothing is loaded, and nothing that is asked now fails. Null where it is not loaded to answer. */
  function swap(row: EndpointRow, name: string, previous: VariantRow): boolean {
    const endpoint = entryOf(row)
    const { traffic } = endpoint
    const variant = traffic?.others.find((one) => one.name === name)
    const before = endpoint.serving
    if (!traffic || !variant?.serving || variant.apart || !before) return false
    const { variant: _, ...promoted } = variant.serving
    endpoint.serving = { ...promoted, head: headOf(row.name, row, mainVariant) } as Serving
    for (const one of [variant.serving, before]) if (one.answers === 'rows') one.encoder.allowOthers(knownOf(row))
    const gone = traffic.others.filter((one) => one !== variant && one.name === previous.name)
    const kept = newVariant(previous, { weight: 0, shadow: false })
    kept.serving = { ...before, head: headOf(row.name, previous, previous.name), variant: previous.name }
    kept.state = 'ready'
    traffic.others = [...traffic.others.filter((one) => one !== variant && !gone.includes(one)), kept]
    for (const one of gone) letGo(traffic, one)
    traffic.shadows.forget(variant)
    endpoint.name = row.name
    return true
  }

  return { ensureVariants, swap }
}

const newVariant = (row: VariantRow, facts: { weight: number; shadow: boolean }): LiveVariant => ({
  name: row.name,
  versionId: row.version_id,
  ...facts,
  serving: null,
  apart: false,
  metrics: new LiveMetrics(),
  breaker: new Breaker(),
  state: 'starting',
  message: null,
})
