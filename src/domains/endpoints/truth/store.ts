import { type Kysely, sql } from 'kysely'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'

export interface TruthRow {
  endpoint_id: string
  /** `id:` and the id of a prediction, or `key:` and the value of the captured key. */
  ref: string
  /** JSON. */
  value: string
  at: number
}

const truthTables = (db: Db): Kysely<{ ground_truth: TruthRow }> => db

const rowsAtOnce = 500
const pageRows = 20_000

/** Stores what is new or newer; answers how many that were. Of two for one thing the newer holds, whatever came first. */
export async function storeTruth(
  metadata: Metadata,
  endpointId: string,
  items: readonly Omit<TruthRow, 'endpoint_id'>[],
): Promise<number> {
  const newest = new Map<string, Omit<TruthRow, 'endpoint_id'>>()
  for (const item of items) {
    const other = newest.get(item.ref)
    if (!other || item.at >= other.at) newest.set(item.ref, item)
  }
  const rows = [...newest.values()].map((item) => ({ endpoint_id: endpointId, ...item }))
  let stored = 0
  await metadata.transaction(async (tx) => {
    for (let i = 0; i < rows.length; i += rowsAtOnce) {
      const result = await truthTables(tx)
        .insertInto('ground_truth')
        .values(rows.slice(i, i + rowsAtOnce))
        .onConflict((c) =>
          c
            .columns(['endpoint_id', 'ref'])
            .doUpdateSet((eb) => ({ value: eb.ref('excluded.value'), at: eb.ref('excluded.at') }))
            // The very same again changes nothing, and is not counted.
            .where(
              sql<boolean>`excluded.at > ground_truth.at or (excluded.at = ground_truth.at and excluded.value <> ground_truth.value)`,
            ),
        )
        .executeTakeFirst()
      stored += Number(result.numInsertedOrUpdatedRows ?? 0)
    }
  })
  return stored
}

/** All that is known of an endpoint, in pages; what was taken back is not known. */
export async function* truthPages(db: Db, endpointId: string): AsyncGenerator<TruthRow[]> {
  let after = ''
  for (;;) {
    const rows = await truthTables(db)
      .selectFrom('ground_truth')
      .selectAll()
      .where('endpoint_id', '=', endpointId)
      .where('ref', '>', after)
      .orderBy('ref')
      .limit(pageRows)
      .execute()
    if (rows.length > 0) yield rows.filter(({ value }) => value !== 'null')
    if (rows.length < pageRows) return
    after = rows.at(-1)!.ref
  }
}

/** What is known of some predictions. */
export async function truthOf(db: Db, endpointId: string, refs: readonly string[]): Promise<Map<string, TruthRow>> {
  if (refs.length === 0) return new Map()
  const rows = await truthTables(db)
    .selectFrom('ground_truth')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where('ref', 'in', refs)
    .where('value', '<>', 'null')
    .execute()
  return new Map(rows.map((row) => [row.ref, row]))
}

export async function countTruth(db: Db, endpointId: string): Promise<number> {
  const { n } = await truthTables(db)
    .selectFrom('ground_truth')
    .select((eb) => eb.fn.countAll().as('n'))
    .where('endpoint_id', '=', endpointId)
    .where('value', '<>', 'null')
    .executeTakeFirstOrThrow()
  return Number(n)
}
