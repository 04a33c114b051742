import type { Db } from '../../ports/metadata/metadata.ts'
import type { WatchedTraining } from './schema.ts'
import { experimentTables } from './tables.ts'

/** Keeps how the rules of a run's networks stand now, in the place of what was there. */
export async function keepTrainings(db: Db, runId: string, trainings: readonly WatchedTraining[]): Promise<void> {
  for (const training of trainings) {
    const row = { run_id: runId, training: training.training, document: JSON.stringify(training), at: Date.now() }
    await experimentTables(db)
      .insertInto('run_rules')
      .values(row)
      .onConflict((conflict) => conflict.columns(['run_id', 'training']).doUpdateSet({ document: row.document, at: row.at }))
      .execute()
  }
}

export async function trainingsOf(db: Db, runId: string): Promise<WatchedTraining[]> {
  const rows = await experimentTables(db)
    .selectFrom('run_rules')
    .select('document')
    .where('run_id', '=', runId)
    .orderBy('at')
    .execute()
  return rows.map(({ document }) => JSON.parse(document) as WatchedTraining)
}
