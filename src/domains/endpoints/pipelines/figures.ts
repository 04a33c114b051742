const kept = 1000

/** How long the steps of a pipeline took, of the last thousand times each. */
export class StepFigures {
  private readonly steps = new Map<string, { calls: number; rows: number; ms: number[] }>()

  record(step: string, ms: number, rows: number): void {
    let one = this.steps.get(step)
    if (!one) {
      one = { calls: 0, rows: 0, ms: [] }
      this.steps.set(step, one)
    }
    one.ms[one.calls % kept] = ms
    one.calls++
    one.rows += rows
  }

  of(step: string): { calls: number; rows: number; p50Ms: number | null; p95Ms: number | null } {
    const { calls, rows, ms } = this.steps.get(step) ?? { calls: 0, rows: 0, ms: [] }
    const sorted = [...ms].sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null
    return { calls, rows, p50Ms: at(0.5), p95Ms: at(0.95) }
  }
}
