import type { Principal } from '../../kernel/principal.ts'
import type { Dataset, DatasetVersion } from '../datasets/schema.ts'

/** What recipes use of data sets. */
export interface DatasetsForRecipes {
  pin(by: Principal, ref: string, version?: string, project?: string): Promise<{ dataset: Dataset; version: DatasetVersion }>
  layVersion(versionId: string, folder: string, columns?: readonly string[]): Promise<void>
}
