const tables = new Map<6 | 7, Float64Array>()

/** The 256 values of G.711 (ITU-T G.711), A-law (6) or mu-law (7), of a full scale of 1. */
export function g711(code: 6 | 7): Float64Array {
  let table = tables.get(code)
  if (!table) {
    table = Float64Array.from({ length: 256 }, (_, byte) => (code === 6 ? aLaw(byte) : muLaw(byte)) / 32768)
    tables.set(code, table)
  }
  return table
}

function aLaw(byte: number): number {
  const word = byte ^ 0x55
  const exponent = (word >> 4) & 7
  const mantissa = word & 15
  const size = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1)
  return word & 0x80 ? size : -size
}

function muLaw(byte: number): number {
  const word = byte ^ 0xff
  const size = ((((word & 15) << 3) + 0x84) << ((word >> 4) & 7)) - 0x84
  return word & 0x80 ? -size : size
}
