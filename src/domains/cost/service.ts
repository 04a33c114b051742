import type { Cost, Estimate } from '../jobs/schema.ts'
import type { JobsService } from '../jobs/service.ts'
import { learn } from './learn.ts'

/** What somebody who has run no such job yet would say, and on what ground. */
export interface Prior {
  seconds: { low: number; high: number }
  memoryBytes?: number | null
  /** A sentence: "From measurements on 2 cores: …". */
  basis: string
}

export interface EstimateRequest {
  kind: string
  /** In the kind's own unit, the one that is given when the job is enqueued. */
  size: number
  prior: Prior
}

export type CostService = ReturnType<typeof costService>

/** Says what a job will take before it starts, and learns from what earlier ones took on this machine. */
export function costService({ jobs }: { jobs: Pick<JobsService, 'history'> }) {
  async function estimate({ kind, size, prior }: EstimateRequest): Promise<Estimate> {
    const past = (await jobs.history(kind)).filter((job) => job.size !== null)
    const of = (pick: (cost: Cost) => number | null) =>
      learn(
        past.map((job) => ({ size: job.size as number, value: pick(job.cost) ?? 0 })),
        size,
      )
    const seconds = of((cost) => cost.wallSeconds)
    if (!seconds) return { seconds: prior.seconds, memoryBytes: prior.memoryBytes ?? null, energyWh: null, basis: prior.basis }
    return {
      seconds: { low: rounded(seconds.low), high: rounded(seconds.high) },
      memoryBytes: Math.round(of((cost) => cost.peakMemoryBytes)?.high ?? prior.memoryBytes ?? 0) || null,
      energyWh: of((cost) => cost.energyWh)?.high ?? null,
      basis: `From ${seconds.method}, on this machine.`,
    }
  }

  return { estimate }
}

const rounded = (value: number) => Number(value.toPrecision(2))
