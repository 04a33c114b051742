import type { BaselineColumn } from './baseline.ts'
import type { NowColumn } from './compare-columns.ts'

/** Columns that can be compared, and those that cannot with the reason. */
export interface ColumnsNow {
  pairs: { baseline: BaselineColumn; now: NowColumn }[]
  /** Watched columns that are not kept of this traffic. */
  withheld: string[]
}
