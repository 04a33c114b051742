// The engines do the same in Python (python/atoll_engines/audio/waveform.py): change both or none.

/** The filter: a sinc of so many zero crossings on each side under a Kaiser window, its edge a little below the lower of the two limits. */
const zeroCrossings = 32
const beta = 12
const rollOff = 0.945

/**
 * Band-limited resampling by a polyphase windowed sinc (Smith, "Digital Audio Resampling"), computed in float64; at most the first `most` samples.
 * There are as many as the sound lasts, rounded up.
 */
export function resample(samples: Float64Array, rate: number, toRate: number, most = Number.POSITIVE_INFINITY): Float32Array {
  if (rate === toRate) return Float32Array.from(samples.subarray(0, Math.min(samples.length, most)))
  const divisor = greatestCommon(rate, toRate)
  const up = toRate / divisor
  const down = rate / divisor
  const length = Math.min(Math.ceil((samples.length * up) / down), most)
  const scale = Math.min(1, up / down) * rollOff
  const half = Math.ceil(zeroCrossings / scale)
  const result = new Float32Array(length)
  const filters = filterBank({ up, down, scale, half })
  for (let first = 0; first < Math.min(up, length); first++) {
    const weights = filters(first)
    let base = Math.floor((first * down) / up)
    // Outputs that share a phase lie `down` inputs apart.
    for (let n = first; n < length; n += up) {
      const from = Math.max(0, base + 1 - half)
      const to = Math.min(samples.length, base + 1 + half)
      let sum = 0
      for (let i = from; i < to; i++) sum += samples[i]! * weights[i - base - 1 + half]!
      result[n] = sum
      base += down
    }
  }
  return result
}

interface Ratio {
  up: number
  down: number
  scale: number
  half: number
}

/** Filters of the usual pairs of rates are kept: making them costs more than using them on a short sound. */
const kept = new Map<string, Float64Array[]>()
const mostKept = 8
const mostWeights = 1_000_000

function filterBank(ratio: Ratio): (first: number) => Float64Array {
  const { up, down, half } = ratio
  if (up * 2 * half > mostWeights) return (first) => filter(first, ratio)
  const key = `${up}/${down}`
  let filters = kept.get(key)
  if (!filters) {
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value!)
    filters = []
    kept.set(key, filters)
  }
  return (first) => (filters[first] ??= filter(first, ratio))
}

/** For output `first` the weights of the inputs from `1 - half` to `half` after the one before it. */
function filter(first: number, { up, down, scale, half }: Ratio): Float64Array {
  const behind = ((first * down) % up) / up
  const weights = new Float64Array(2 * half)
  for (let k = 0; k < weights.length; k++) {
    const x = (k + 1 - half - behind) * scale
    if (Math.abs(x) >= zeroCrossings) continue
    const angle = Math.PI * x
    const sinc = x === 0 ? 1 : Math.sin(angle) / angle
    weights[k] = scale * sinc * (bessel(beta * Math.sqrt(1 - (x / zeroCrossings) ** 2)) / besselOfBeta)
  }
  return weights
}

/** The modified Bessel function of the first kind, order 0, by its power series (Abramowitz & Stegun 9.6.12). */
function bessel(x: number): number {
  const quarter = (x * x) / 4
  let term = 1
  let sum = 1
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k)
    sum += term
  }
  return sum
}

const besselOfBeta = bessel(beta)

function greatestCommon(a: number, b: number): number {
  return b === 0 ? a : greatestCommon(b, a % b)
}
