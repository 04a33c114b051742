import type { CostService } from '../cost/service.ts'
import type { Estimate } from '../jobs/schema.ts'

/** What a table job will take: learned from earlier ones of its kind on this machine, else from these measurements on two cores. */
export function tableEstimates(cost: Pick<CostService, 'estimate'>) {
  const measured = (kind: string, size: number, perUnit: number, unit: string): Promise<Estimate> => {
    const seconds = 0.5 + size * perUnit
    const prior = {
      seconds: { low: Number((seconds / 2).toPrecision(2)), high: Number((seconds * 2).toPrecision(2)) },
      memoryBytes: 1536 * 1024 ** 2,
      basis: `From measurements on 2 cores, by ${unit}.`,
    }
    return cost.estimate({ kind, size, prior })
  }
  return {
    import: (bytes: number) => measured('dataset.import', bytes, 4e-8, 'the size of the file'),
    transform: (cells: number) => measured('dataset.transform', cells, 8e-8, 'rows and columns'),
    profile: (cells: number) => measured('dataset.profile', cells, 1.5e-7, 'rows and columns'),
    split: (cells: number) => measured('dataset.split', cells, 1.2e-7, 'rows and columns'),
  }
}
export type TableEstimates = ReturnType<typeof tableEstimates>
