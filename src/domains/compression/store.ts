import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Measured } from './schema.ts'

interface MeasurementRow {
  version_id: string
  measured: string
  created_at: number
}

const tablesOf = (db: Db): Kysely<{ version_measurements: MeasurementRow }> => db

/** The last measurement of each of these versions, by its id. */
export async function measurementsOf(db: Db, versionIds: readonly string[]): Promise<Map<string, Measured>> {
  if (versionIds.length === 0) return new Map()
  const rows = await tablesOf(db).selectFrom('version_measurements').selectAll().where('version_id', 'in', versionIds).execute()
  return new Map(rows.map((row) => [row.version_id, JSON.parse(row.measured) as Measured]))
}

export async function keepMeasurement(tx: Db, versionId: string, measured: Measured): Promise<void> {
  const row = { version_id: versionId, measured: JSON.stringify(measured), created_at: Date.now() }
  await tablesOf(tx).deleteFrom('version_measurements').where('version_id', '=', versionId).execute()
  await tablesOf(tx).insertInto('version_measurements').values(row).execute()
}
