import type { RawBatch } from './inference.ts'

/** One graph in one place, running one batch at a time. */
export interface Session {
  /** Values of [batch.rows, width], row-major. May not keep `batch` after it settles. */
  run(batch: RawBatch): Promise<Float32Array>
  close(): Promise<void>
}
