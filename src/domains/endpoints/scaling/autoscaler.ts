import { availableParallelism } from 'node:os'
import type { PoolFigures, WorkerPool } from '../../../ports/inference/worker-pool.ts'
import type { ScalingPolicy } from './schema.ts'

/** Busy shares below this for so long let a worker go. */
const quietShare = 0.3
const quietMs = 60_000

/** How many workers a model should have, looked at about once a second. */
export class Autoscaler {
  private quietSince: number | null = null

  /** The number wanted now, and why it differs from what there is. */
  want(figures: PoolFigures, policy: ScalingPolicy, now: number): { workers: number; why: string | null } {
    const most = policy.maxWorkers ?? availableParallelism()
    const least = Math.min(most, Math.max(1, policy.minWorkers))
    const { workers, busy, oldestMs } = figures
    if (workers < least) return { workers: least, why: `${least} at least` }
    if (workers > most) return { workers: most, why: `${most} at most` }
    if (oldestMs > policy.queueMs && workers < most) {
      this.quietSince = null
      return { workers: workers + 1, why: `a request waited ${Math.round(oldestMs)} ms` }
    }
    if (busy / workers >= quietShare) this.quietSince = null
    else this.quietSince ??= now
    if (workers > least && this.quietSince !== null && now - this.quietSince >= quietMs) {
      this.quietSince = now
      return { workers: workers - 1, why: `idle for ${quietMs / 1000} s` }
    }
    return { workers, why: null }
  }
}

/** Changes a pool where its scaler says so; answers what was done. */
export async function scale(
  pool: WorkerPool,
  scaler: Autoscaler,
  policy: ScalingPolicy,
  now = Date.now(),
): Promise<string | null> {
  const { workers } = pool.figures()
  const { workers: wanted, why } = scaler.want(pool.figures(), policy, now)
  if (wanted === workers) return null
  await pool.resize(wanted)
  return `${workers} to ${wanted} workers: ${why}`
}
