import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyToParquet, literal } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Random } from '../evaluation/statistics/random.ts'
import type { GroupedRows } from './grouped-rows.ts'
import type { OperationFigures } from './operation-figures.ts'
import { answerOf, type Drawn } from './testing.ts'

/** What an endpoint did in an hour: quiet unless told, at the very bounds that the tests set. */
export interface Service {
  /** Share of requests that fail. */
  errors?: number
  /** Share that takes 64 ms or longer. */
  slow?: number
  /** How many are in work at once. */
  atOnce?: number
}

export function hourOf(
  random: Random,
  { errors = 0.01, slow = 0.05, atOnce = 0.2 }: Service = {},
  requests = 2000,
): OperationFigures {
  const hits = (share: number) => Array.from({ length: requests }, () => random.next()).filter((u) => u < share).length
  const late = hits(slow)
  const since = Date.now() - 3_600_000
  return {
    minutes: 60,
    since: new Date(since).toISOString(),
    requests,
    rows: requests,
    errors: hits(errors),
    requestsPerSecond: requests / 3600,
    latencyMs: { p50: 10, p95: 64, p99: 80 },
    latencies: [
      { fromMs: 8, toMs: 16, requests: requests - late },
      { fromMs: 64, toMs: 128, requests: late },
    ],
    workMs: atOnce * 3_600_000,
    series: { at: [since], requests: [requests], errors: [0], p50: [10], p99: [80] },
    generation: null,
  }
}

/** Lays drawn rows by their region as the check of bias reads them. */
export async function groupsOf(
  rows: readonly Drawn[],
  { tables, folder, hasTruth }: { tables: Tables; folder: string; hasTruth: boolean },
): Promise<GroupedRows> {
  const [text, file] = [join(folder, 'groups.csv'), join(folder, 'groups.parquet')]
  const lines = rows.map((one, row) => {
    const { said, truth } = answerOf(one)
    return [row, one.region, said.label, hasTruth ? truth : said.label].join(',')
  })
  await writeFile(text, ['__row,region,predicted,actual', ...lines].join('\n'))
  await tables.run({
    folders: [folder],
    statements: [
      {
        sql: copyToParquet(
          `SELECT * REPLACE (__row::BIGINT AS __row) FROM read_csv(${literal(text)}, header = true, all_varchar = true)`,
          file,
          4,
        ),
      },
    ],
  })
  const region = { name: 'region', type: 'category', nullable: true, personalData: null, description: '', unit: null } as const
  return { file, columns: [region], rows: rows.length, hasTruth }
}
