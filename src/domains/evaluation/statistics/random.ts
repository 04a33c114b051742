/** A seeded source of randomness: the same seed draws the same numbers on every machine (xoshiro128**, Blackman and Vigna 2018). */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  next(): number
  /** A whole number from 0 to `below` - 1, without bias. */
  below(below: number): number
}

export function randomFrom(seed: number): Random {
  let [a, b, c, d] = spread(seed)
  function bits(): number {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotate(d, 11)
    return result
  }
  return {
    next: () => bits() / 2 ** 32,
    below(below) {
      // Lemire 2019: reject the few values that would make some numbers likelier.
      const limit = 2 ** 32 - (2 ** 32 % below)
      let drawn = bits()
      while (drawn >= limit) drawn = bits()
      return drawn % below
    },
  }
}

const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k))

/** SplitMix32: turns one seed into four words of state. */
function spread(seed: number): [number, number, number, number] {
  let state = seed | 0
  const word = () => {
    state = (state + 0x9e3779b9) | 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  return [word(), word(), word(), word()]
}
