import { toIso } from '../../../kernel/time.ts'
import type { AppendLogs, LogPosition } from '../../../ports/logs/append-log.ts'
import { comparePredictions } from './compare-predictions.ts'
import type { ShadowSummary } from './schema.ts'
import { type ShadowLine, shadowLogName } from './shadows.ts'

export interface ShadowWindow {
  variant?: string | undefined
  fromMs?: number | undefined
  toMs?: number | undefined
}

const page = 500
/** The newest lines are enough for every figure told. */
const mostLines = 50_000
const mostExamples = 20

/** How shadows differed from what answered, over a window; the newest 50,000 requests at most. */
export async function summariseShadows(
  logs: AppendLogs,
  endpointId: string,
  { variant, fromMs = 0, toMs = Number.POSITIVE_INFINITY }: ShadowWindow,
): Promise<Omit<ShadowSummary, 'skipped'>> {
  const sums = { requests: 0, rows: 0, differing: 0, errors: 0 }
  const examples: ShadowSummary['examples'] = []
  const mainMs: number[] = []
  const shadowMs: number[] = []
  let differences = 0
  let sum = 0
  let most: number | null = null
  let before: LogPosition | undefined
  reading: for (let read = 0; read < mostLines; ) {
    const { lines, next } = await logs.readBack(shadowLogName(endpointId), page, before)
    for (const { text } of lines) {
      const line = lineOf(text)
      if (!line || line.at > toMs) continue
      if (line.at < fromMs) break reading
      if (variant !== undefined && line.variant !== variant) continue
      sums.requests++
      sums.rows += line.main.length
      mainMs.push(line.mainMs)
      if (line.shadowMs !== undefined && !line.error) shadowMs.push(line.shadowMs)
      if (!line.shadow) {
        sums.errors++
        continue
      }
      for (const [r, main] of line.main.entries()) {
        const { differs, by } = comparePredictions(main, line.shadow[r]!)
        if (by !== null) {
          differences++
          sum += by
          most = Math.max(most ?? 0, by)
        }
        if (!differs) continue
        sums.differing++
        if (examples.length < mostExamples)
          examples.push({ at: toIso(line.at), variant: line.variant, id: String(main.id), main, shadow: line.shadow[r]! })
      }
    }
    read += lines.length
    if (next === null || lines.length === 0) break
    before = next
  }
  return {
    ...sums,
    meanAbsDifference: differences === 0 ? null : sum / differences,
    maxAbsDifference: most,
    mainMs: timesOf(mainMs),
    shadowMs: timesOf(shadowMs),
    examples,
  }
}

function lineOf(text: string): ShadowLine | null {
  try {
    return JSON.parse(text) as ShadowLine
  } catch {
    // A crash cut it short.
    return null
  }
}

function timesOf(ms: number[]): { p50: number; p95: number } | null {
  if (ms.length === 0) return null
  ms.sort((a, b) => a - b)
  const at = (share: number) => ms[Math.min(ms.length - 1, Math.ceil(share * ms.length) - 1)]!
  return { p50: at(0.5), p95: at(0.95) }
}
