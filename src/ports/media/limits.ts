/** What an archive or a folder of media may hold. Each refusal names the limit. */
export const mediaLimits = {
  items: 1_000_000,
  itemBytes: 4 * 1024 ** 3,
  totalBytes: 1024 ** 4,
  /** Media hardly packs: what unpacks to more than this many times its size is no archive of media. The first GB is free. */
  unpackedRatio: 100,
  freeBytes: 1024 ** 3,
  /** A text that describes items (CSV, JSON, XML). */
  textBytes: 512 * 1024 ** 2,
  pathLength: 1024,
  segmentBytes: 200,
  pixels: 300_000_000,
} as const
