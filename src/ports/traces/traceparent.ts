/** What a caller says of the trace that a request belongs to. */
export interface Parent {
  traceId: string
  spanId: string
  sampled: boolean
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Reads a W3C `traceparent` (Trace Context, level 1); null where it is none: then a trace begins anew. */
export function readTraceparent(text: string | undefined): Parent | null {
  const found = text === undefined || text.length > 512 ? null : pattern.exec(text.trim())
  if (!found) return null
  const [, version, traceId, spanId, flags, rest] = found as unknown as [string, string, string, string, string, string?]
  // A later version may say more behind; the first may not.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export const traceparentOf = ({ traceId, spanId, sampled }: Parent): string => `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
