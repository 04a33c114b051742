import type { PackageEngine } from '../registry/schema.ts'
import type { TrainingSpec } from '../training/spec.ts'
import type { CompressionInput } from './schema.ts'

/** What a compression job does: the training that its version stands for, and how it comes to its package. */
export interface CompressionSpec extends TrainingSpec {
  from: { versionId: string; name: string; engine: PackageEngine }
  compression: CompressionInput
  summary: string
}
