import type { Progress } from './schema.ts'

/** Completes progress reports with the time that is left, by the pace of the stage so far. */
export function progressClock(now: () => number = () => performance.now()) {
  let stage = ''
  let startedAt = 0
  let doneAtStart = 0
  return (report: Omit<Progress, 'etaSeconds'> & { etaSeconds?: number | null }): Progress => {
    if (report.stage !== stage || report.done < doneAtStart) {
      stage = report.stage
      startedAt = now()
      doneAtStart = report.done
    }
    return { ...report, etaSeconds: report.etaSeconds ?? eta(report) }
  }

  function eta({ done, of }: { done: number; of: number | null }): number | null {
    const advanced = done - doneAtStart
    if (of === null || advanced <= 0) return null
    const elapsed = (now() - startedAt) / 1000
    return Math.round(((elapsed * Math.max(0, of - done)) / advanced) * 10) / 10
  }
}
