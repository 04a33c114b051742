import type * as z from 'zod'
import type { Principal } from '../../kernel/principal.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Dataset, DatasetVersion, Split, SplitInput } from '../datasets/schema.ts'

/** What training uses of data sets. */
export interface DatasetsForTraining {
  pin(by: Principal, ref: string, version?: string, project?: string): Promise<{ dataset: Dataset; version: DatasetVersion }>
  ensureSplit(by: Principal, input: z.input<typeof SplitInput>): Promise<Split>
  split(by: Principal, id: string): Promise<Split>
  layPart(splitId: string, part: 'train' | 'validation', folder: string): Promise<void>
  openSealed(
    tx: Db | null,
    by: Principal,
    splitId: string,
    opening: { version: string; reason: string; job?: string },
    folder: string,
  ): Promise<void>
}
