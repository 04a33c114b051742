const perOctave = 4
const leastUs = 8
const buckets = 25 * perOctave

/** Counts of durations from 8 µs to 4 minutes, four buckets an octave: quantiles are right to within a tenth. */
export class LatencyHistogram {
  readonly counts = new Uint32Array(buckets)
  total = 0
  sumMs = 0

  record(ms: number): void {
    this.counts[bucketOf(ms)]!++
    this.total++
    this.sumMs += ms
  }

  add(other: LatencyHistogram): void {
    for (let i = 0; i < buckets; i++) this.counts[i]! += other.counts[i]!
    this.total += other.total
    this.sumMs += other.sumMs
  }

  /** Takes away what is part of it. */
  subtract(other: LatencyHistogram): void {
    for (let i = 0; i < buckets; i++) this.counts[i] = Math.max(0, this.counts[i]! - other.counts[i]!)
    this.total = this.counts.reduce((sum, count) => sum + count, 0)
    this.sumMs = Math.max(0, this.sumMs - other.sumMs)
  }

  /** The duration that a share of all stayed below, within its bucket by proportion; null of nothing. */
  quantileMs(share: number): number | null {
    if (this.total === 0) return null
    const wanted = share * this.total
    let seen = 0
    for (let i = 0; i < buckets; i++) {
      const count = this.counts[i]!
      if (count === 0 || seen + count < wanted) {
        seen += count
        continue
      }
      return lowerMs(i) + (upperMs(i) - lowerMs(i)) * ((wanted - seen) / count)
    }
    return upperMs(buckets - 1)
  }

  /** How many took from and up to how long; nothing of what never happened. */
  filled(): { fromMs: number; toMs: number; requests: number }[] {
    return Array.from(this.counts, (requests, i) => ({ fromMs: lowerMs(i), toMs: upperMs(i), requests })).filter(
      ({ requests }) => requests > 0,
    )
  }

  /** Counts up to each bound (ms), as Prometheus wants them. */
  cumulative(boundsMs: readonly number[]): number[] {
    return boundsMs.map((bound) => {
      let count = 0
      for (let i = 0; i < buckets && upperMs(i) <= bound * 1.0001; i++) count += this.counts[i]!
      return count
    })
  }

  clear(): void {
    this.counts.fill(0)
    this.total = 0
    this.sumMs = 0
  }
}

function bucketOf(ms: number): number {
  const us = ms * 1000
  if (us <= leastUs) return 0
  return Math.min(buckets - 1, Math.floor(Math.log2(us / leastUs) * perOctave))
}

const lowerMs = (bucket: number): number => (bucket === 0 ? 0 : (leastUs / 1000) * 2 ** (bucket / perOctave))
const upperMs = (bucket: number): number => (leastUs / 1000) * 2 ** ((bucket + 1) / perOctave)

/** Bounds of buckets that Prometheus is shown, ms: one an octave. */
export const shownBoundsMs: readonly number[] = Array.from({ length: 21 }, (_, octave) => (leastUs / 1000) * 2 ** (octave + 1))
