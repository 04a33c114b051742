import { minutes, seconds } from '../../../kernel/time.ts'
import type { StepWork, Turn } from '../runs/turn.ts'
import { challengerVariant, type OnEndpoint, putChallenger, servedName, stepsBack } from './on-endpoint.ts'

type Work = { since?: number }
/** Fewer requests say nothing of a rate. */
const fewest = 20

/** *shadow*: the challenger is asked beside the champion for a stated time; nobody gets its answers. */
export function shadowStep({ endpoints }: { endpoints: OnEndpoint }): StepWork {
  return async (context) => {
    const { run, policy, by } = context
    const { shadow } = policy
    const endpoint = await endpoints.get(by, run.endpoint_id)
    if (endpoint.version !== run.champion_version) return stepsBack(servedName(endpoint), run.champion_name)
    if (shadow.minutes === 0)
      return { kind: 'go', to: 'rollout', skipped: true, sentence: 'The policy asks for no time as a shadow.' }
    const work = context.work as Work
    await putChallenger(endpoints, by, run, 'shadow')
    if (work.since === undefined) {
      await context.keep({ since: Date.now() })
      return {
        kind: 'stay',
        inMs: seconds(1),
        sentence: `${run.challenger_name} runs as a shadow: it is asked too, and only the difference is kept.`,
      }
    }
    const now = Date.now()
    const { examples: _, ...summary } = await endpoints.shadowSummary(by, run.endpoint_id, {
      variant: challengerVariant,
      fromMs: work.since,
      toMs: now,
    })
    const evidence = {
      ...summary,
      sinceMs: work.since,
      untilMs: now,
      wantedMinutes: shadow.minutes,
      wantedRequests: shadow.minimumRequests,
    }
    const traffic = await endpoints.traffic(by, run.endpoint_id)
    const variant = traffic.variants.find(({ name }) => name === challengerVariant)
    if (variant?.state === 'failed')
      return {
        kind: 'end',
        outcome: 'failed',
        sentence: `${run.challenger_name} could not be loaded: ${variant.message}`,
        evidence,
      }
    const errorRate = summary.errors / Math.max(1, summary.requests)
    if (summary.requests >= fewest && errorRate > shadow.maxErrorRate)
      return {
        kind: 'end',
        outcome: 'kept_champion',
        sentence: `As a shadow ${run.challenger_name} failed ${summary.errors} of ${summary.requests} requests. The champion stays.`,
        evidence,
      }
    const leftMs = work.since + minutes(shadow.minutes) - now
    const lacks = shadow.minimumRequests - summary.requests
    if (leftMs <= 0 && lacks <= 0)
      return { kind: 'go', to: 'rollout', sentence: wordsOf(run.challenger_name!, summary), evidence }
    if (now - work.since > minutes(Math.max(shadow.giveUpMinutes, shadow.minutes)))
      return {
        kind: 'end',
        outcome: 'kept_champion',
        sentence: `Only ${summary.requests} requests came while ${run.challenger_name} ran as a shadow; ${shadow.minimumRequests} were wanted. The champion stays.`,
        evidence,
      }
    return stay(evidence, leftMs, lacks, run.challenger_name!)
  }
}

function stay(evidence: Record<string, unknown>, leftMs: number, lacks: number, name: string): Turn {
  const waits = leftMs > 0 ? `for ${Math.ceil(leftMs / 60_000)} more minutes` : `until ${lacks} more requests came`
  return {
    kind: 'stay',
    inMs: Math.min(seconds(15), Math.max(250, leftMs > 0 ? Math.min(leftMs, seconds(15)) : seconds(2))),
    sentence: `${name} runs as a shadow ${waits}.`,
    evidence,
  }
}

function wordsOf(
  name: string,
  found: {
    requests: number
    rows: number
    differing: number
    errors: number
    mainMs: { p95: number } | null
    shadowMs: { p95: number } | null
  },
): string {
  const share = found.rows === 0 ? 0 : (100 * found.differing) / found.rows
  const times =
    found.mainMs && found.shadowMs ? `; p95 ${found.shadowMs.p95.toFixed(1)} ms against ${found.mainMs.p95.toFixed(1)} ms` : ''
  return `As a shadow ${name} answered ${found.requests} requests with ${found.errors} errors; ${share.toFixed(1)} % of ${found.rows} rows differ${times}.`
}
