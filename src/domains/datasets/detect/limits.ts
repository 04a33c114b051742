/** What a table may be. Each refusal names the limit. */
export const limits = {
  columns: 2_000,
  /** Characters of one row; a single cell can be no longer. */
  rowBytes: 8 * 1024 ** 2,
  nameLength: 200,
  /** What detection reads: all of a small file, the beginning of a large one. */
  sampleBytes: 8 * 1024 ** 2,
  workbookBytes: 100 * 1024 ** 2,
  fileBytes: 1024 ** 4,
} as const
