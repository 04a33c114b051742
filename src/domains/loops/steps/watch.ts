import { minutes, seconds } from '../../../kernel/time.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import { pOfAtMost } from '../../endpoints/ab/statistics/betting.ts'
import { countTruth } from '../../endpoints/truth/store.ts'
import type { JobQueue } from '../../jobs/handler.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { StepContext, StepWork, Turn } from '../runs/turn.ts'
import type { WatchEvidence, WatchLook, WatchSpec } from '../watch/evidence.ts'
import { type JobReader, jobState } from './job-state.ts'
import { type OnEndpoint, servedName } from './on-endpoint.ts'

export interface WatchStepNeeds {
  metadata: Metadata
  endpoints: OnEndpoint
  queue: JobQueue
  jobs: JobReader
  store: Pick<RunStore, 'step'>
}

interface Work {
  since?: number
  job?: string | null
  /** How many truths were known at the last look. */
  truths?: number
  lookedAt?: number
  requests?: number
  errors?: number
  countedAt?: number
  isLast?: boolean
  looks?: WatchLook[]
}

const mostLooks = 200
const shortestLookMs = seconds(2)
const longestLookMs = minutes(10)

/**
 * *watch*: after the swap the truth of live rows is held against what the new version said of them and against what the old one would have said of
 * the very same rows. The test bears being looked at again and again; when it turns, the champion comes back.
 */
export function watchStep(needs: WatchStepNeeds): StepWork {
  return async (context) => {
    const { run, policy, by } = context
    const work = { ...(context.work as Work) }
    const { watch } = policy
    if (watch.minutes === 0)
      return { kind: 'end', outcome: 'done', sentence: `${run.challenger_name} serves; the policy asks for no watch.` }
    const endpoint = await needs.endpoints.get(by, run.endpoint_id)
    if (endpoint.version !== run.challenger_version)
      return {
        kind: 'end',
        outcome: 'cancelled',
        sentence: `The endpoint serves ${servedName(endpoint)} now, not ${run.challenger_name}: somebody changed it while it was watched.`,
        evidence: { ...evidenceOf(work, policy.watch) },
      }
    if (work.since === undefined) {
      const since = await swapBegan(needs, context)
      await context.keep({ since, countedAt: Date.now(), looks: [] })
      return { kind: 'stay', inMs: seconds(1), sentence: `${run.challenger_name} serves and is watched.` }
    }
    if (work.job) {
      const job = await jobState(needs.jobs, work.job, 'The look at live truth')
      if (job.state === 'running') return { kind: 'stay', inMs: 500 }
      // A look that failed is made again; the watch goes on.
      if (job.state === 'succeeded') work.looks = [...(work.looks ?? []), job.result as unknown as WatchLook].slice(-mostLooks)
      work.job = null
      await context.keep({ ...work })
    }
    await countRequests(needs, context, work)
    const evidence = evidenceOf(work, watch)
    const turned = turnedWords(evidence, run.challenger_name!)
    if (turned) return { kind: 'end', outcome: 'rolled_back', sentence: turned, evidence: { ...evidence } }
    return next(needs, context, work, evidence)
  }
}

async function next(needs: WatchStepNeeds, context: StepContext, work: Work, evidence: WatchEvidence): Promise<Turn> {
  const { run, policy, by, startedAt } = context
  const now = Date.now()
  const endsAt = startedAt + minutes(policy.watch.minutes)
  const everyMs = Math.min(longestLookMs, Math.max(shortestLookMs, minutes(policy.watch.minutes) / 30))
  const truths = await countTruth(needs.metadata.db, run.endpoint_id)
  const isOver = now >= endsAt
  const isDue = now - (work.lookedAt ?? 0) >= everyMs && truths !== work.truths
  if (isOver && work.isLast) {
    await context.keep({ ...work })
    return {
      kind: 'end',
      outcome: 'done',
      sentence: doneWords(evidence, run.challenger_name!, run.champion_name),
      evidence: { ...evidence },
    }
  }
  if (isDue || isOver) {
    const spec: WatchSpec = {
      run: run.id,
      endpointId: run.endpoint_id,
      champion: run.champion_version,
      challenger: run.challenger_version!,
      goal: run.goal_id,
      fromMs: work.since!,
      toMs: now + 1,
      alpha: policy.watch.alpha,
    }
    await needs.metadata.transaction(async (tx) => {
      const job = await needs.queue.enqueue(tx, by, {
        kind: 'loop.watch',
        name: `Look at ${run.challenger_name} since the swap`,
        projectId: run.project_id,
        spec,
      })
      await context.note(tx, { ...work, job, truths, lookedAt: now, isLast: isOver })
    })
    needs.queue.wake()
    return {
      kind: 'stay',
      inMs: 500,
      evidence: { ...evidence },
      sentence: sentenceOf(evidence, run.challenger_name!, endsAt - now),
    }
  }
  await context.keep({ ...work })
  return {
    kind: 'stay',
    inMs: Math.max(250, Math.min(seconds(15), everyMs, endsAt - now)),
    evidence: { ...evidence },
    sentence: sentenceOf(evidence, run.challenger_name!, endsAt - now),
  }
}

/** From its first share on the challenger's answers count. */
async function swapBegan({ store }: WatchStepNeeds, { run }: StepContext): Promise<number> {
  const rollout = await store.step(run.id, 'rollout')
  const startedAt = rollout ? (JSON.parse(rollout.evidence) as { startedAt?: string }).startedAt : undefined
  return startedAt ? Date.parse(startedAt) : Date.now()
}

/** Requests and errors since the last look, as far as this process answered them. */
async function countRequests({ endpoints }: WatchStepNeeds, { run, by }: StepContext, work: Work): Promise<void> {
  const now = Date.now()
  const spanMs = now - (work.countedAt ?? now)
  if (spanMs < seconds(5)) return
  const found = await endpoints.metrics(by, run.endpoint_id, Math.min(3600, spanMs / 1000))
  work.requests = (work.requests ?? 0) + found.requests
  work.errors = (work.errors ?? 0) + found.errors
  work.countedAt = now
}

function evidenceOf(work: Work, { alpha, maxErrorRate, minutes: wantedMinutes }: StepContext['policy']['watch']): WatchEvidence {
  const last = work.looks?.at(-1) ?? null
  const requests = work.requests ?? 0
  const errors = work.errors ?? 0
  const failed = [
    ...Array<number>(Math.min(errors, 100_000)).fill(1),
    ...Array<number>(Math.min(requests - errors, 100_000)).fill(0),
  ]
  return {
    sinceMs: work.since ?? null,
    wantedMinutes,
    alpha,
    looks: work.looks ?? [],
    last,
    requests,
    errors,
    maxErrorRate,
    errorsPValue: maxErrorRate >= 1 || requests === 0 ? 1 : pOfAtMost(failed, Math.max(1e-6, maxErrorRate)),
  }
}

function turnedWords({ last, alpha, requests, errors, errorsPValue, maxErrorRate }: WatchEvidence, name: string): string | null {
  if (last && last.pValue <= alpha / 2)
    return `Live truth turned against ${name}: on ${last.rows} rows since the swap its ${last.loss} is higher than the champion's would have been (by ${last.value.toFixed(4)}, ${last.low.toFixed(4)} to ${last.high.toFixed(4)}; p ${words(last.pValue)}, for however many looks). The champion comes back.`
  if (errorsPValue <= alpha / 2)
    return `${errors} of ${requests} requests failed since ${name} serves, more than ${100 * maxErrorRate} % (p ${words(errorsPValue)}, for however many looks). The champion comes back.`
  return null
}

const words = (p: number): string => (p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`)

function sentenceOf({ last }: WatchEvidence, name: string, leftMs: number): string {
  const left = `${Math.max(0, Math.ceil(leftMs / 60_000))} minutes to go`
  return last
    ? `${name} serves and is watched: ${last.rows} live rows have their truth, nothing speaks against it so far (${left}).`
    : `${name} serves and is watched: no truth of its answers has come yet (${left}).`
}

function doneWords({ last, requests, errors }: WatchEvidence, name: string, champion: string): string {
  const errorsWords = requests > 0 ? ` ${errors} of ${requests} requests failed.` : ''
  if (!last || last.rows === 0)
    return `${name} serves. No truth of its answers came while it was watched, so nothing was said for or against it.${errorsWords}`
  const side = last.high < 0 ? `it does better than ${champion} would have` : `nothing speaks against it`
  return `${name} serves: on ${last.rows} live rows since the swap ${side} (${last.loss} ${last.value <= 0 ? 'lower' : 'higher'} by ${Math.abs(last.value).toFixed(4)}, ${last.low.toFixed(4)} to ${last.high.toFixed(4)}).${errorsWords}`
}
