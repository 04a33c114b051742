import type * as z from 'zod'
import type { Generated } from '../../ports/language/language.ts'
import type { EndpointMetrics } from './schema.ts'

const mostKept = 512

/** How fast one endpoint wrote: totals since this process began, and quantiles of its last answers. */
export class TextFigures {
  private promptTokens = 0
  private generatedTokens = 0
  private readonly firstMs: number[] = []
  private readonly perSecond: number[] = []

  record({ tokens, seconds }: Pick<Generated, 'tokens' | 'seconds'>): void {
    this.promptTokens += tokens.prompt
    this.generatedTokens += tokens.generated
    if (seconds.first === null) return
    keep(this.firstMs, (seconds.queue + seconds.first) * 1000)
    // The first token is the end of reading the prompt, not of writing.
    const writing = seconds.total - seconds.queue - seconds.first
    if (tokens.generated > 1 && writing > 0) keep(this.perSecond, (tokens.generated - 1) / writing)
  }

  /** Null where nothing was written. */
  read(): z.infer<typeof EndpointMetrics>['generation'] {
    if (this.promptTokens === 0) return null
    const first = [...this.firstMs].sort((a, b) => a - b)
    const speeds = [...this.perSecond].sort((a, b) => a - b)
    return {
      promptTokens: this.promptTokens,
      generatedTokens: this.generatedTokens,
      firstTokenMs: first.length === 0 ? null : { p50: quantile(first, 0.5), p95: quantile(first, 0.95) },
      tokensPerSecond: speeds.length === 0 ? null : { p5: quantile(speeds, 0.05), p50: quantile(speeds, 0.5) },
    }
  }
}

function keep(values: number[], value: number): void {
  if (values.length >= mostKept) values.shift()
  values.push(value)
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
