import type { DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api'

/** The numbers of a column of a chunk, as they lie in memory; what is null is left as it is. The library has them, and does not name them. */
export const itemsOf = <Items extends Float64Array | Float32Array | Int32Array>(vector: DuckDBVector): Items =>
  (vector as unknown as { items: Items }).items

/** Fills a column of numbers of a new chunk. */
export function fillVector<Items extends Float64Array | Float32Array | Int32Array>(
  chunk: DuckDBDataChunk,
  column: number,
  fill: (items: Items) => void,
): void {
  const vector = chunk.getColumnVector(column)
  fill(itemsOf<Items>(vector))
  vector.flush()
}
