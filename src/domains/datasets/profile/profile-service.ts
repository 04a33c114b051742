import { notFound } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { Access } from '../../auth/access.ts'
import type { JobHandler, JobQueue } from '../../jobs/handler.ts'
import type { TableEstimates } from '../estimates.ts'
import { type LayNeeds, localTable, tableFile } from '../lay.ts'
import type { Profile } from '../schema.ts'
import type { Scratch } from '../scratch.ts'
import { columnsOf, versionById } from '../store.ts'
import { type DatasetRow, datasetTables, type VersionRow } from '../tables.ts'
import { columnNamed } from '../target.ts'
import { type ProfiledTable, type ProfileWork, profileTable, withTarget } from './profile-table.ts'

export interface ProfileNeeds extends LayNeeds {
  metadata: Metadata
  access: Access
  jobs: JobQueue
  scratch: Scratch
  estimates: TableEstimates
}

type Progress = ProfileWork['progress']

/** Profiles of versions: made once, kept, and read from then on. */
export function profileService(needs: ProfileNeeds) {
  const { metadata, jobs, tables, blobs, scratch } = needs
  const db = datasetTables(metadata.db)
  /** Two callers of one process wait for the same work. */
  const making = new Map<string, Promise<Profile>>()

  async function stored(versionId: string, target: string): Promise<Profile | null> {
    const row = await db
      .selectFrom('dataset_profiles')
      .select('profile')
      .where('version_id', '=', versionId)
      .where('target', '=', target)
      .executeTakeFirst()
    return row ? (JSON.parse(row.profile) as Profile) : null
  }

  async function keep(versionId: string, target: string, profile: Profile): Promise<Profile> {
    await db
      .insertInto('dataset_profiles')
      .values({ version_id: versionId, target, profile: JSON.stringify(profile), created_at: Date.now() })
      .onConflict((c) => c.columns(['version_id', 'target']).doNothing())
      .execute()
    return profile
  }

  /** The profile of a version, with its relations to `target` when one is named. Made now when nobody asked before. */
  async function profileOf(
    versionId: string,
    target?: string,
    signal?: AbortSignal,
    progress: Progress = () => {},
  ): Promise<Profile> {
    const version = await versionById(metadata.db, versionId)
    if (!version) throw notFound('data set version', versionId)
    if (target !== undefined) columnNamed(columnsOf(version), target, 'target')
    const known = await stored(versionId, target ?? '')
    if (known) return known
    const key = `${versionId} ${target ?? ''}`
    const under = making.get(key)
    if (under) return under
    const work = make(version, target, signal, progress).finally(() => making.delete(key))
    making.set(key, work)
    return work
  }

  async function make(
    version: VersionRow,
    target: string | undefined,
    signal: AbortSignal | undefined,
    progress: Progress,
  ): Promise<Profile> {
    const base = target === undefined ? null : await profileOf(version.id, undefined, signal, progress)
    return scratch.within(async (folder) => {
      const file = tableFile(version)
      const table: ProfiledTable = {
        path: await localTable({ blobs }, file.sha256, async () => folder),
        columns: columnsOf(version),
        rows: file.rows,
      }
      const work: ProfileWork = { tables, folder, signal, progress }
      const profile = base
        ? await withTarget(work, table, base, target!)
        : await profileTable(work, table, { dataset: version.dataset_id, version: version.id })
      return keep(version.id, target ?? '', profile)
    })
  }

  /** Has a profile made by a job, for whoever does not want to wait. */
  async function start(by: Principal, dataset: DatasetRow, version: VersionRow, target: string | null): Promise<string> {
    tableFile(version)
    if (target !== null) columnNamed(columnsOf(version), target, 'target')
    const cells = (version.rows ?? 0) * columnsOf(version).length
    const estimate = await needs.estimates.profile(cells)
    const id = await metadata.transaction((tx) =>
      jobs.enqueue(tx, by, {
        kind: 'dataset.profile',
        name: `Profile ${dataset.name} v${version.number}`,
        projectId: dataset.project_id,
        spec: { dataset: dataset.id, version: version.id, target },
        estimate,
        size: cells,
      }),
    )
    jobs.wake()
    return id
  }

  const handler: JobHandler<{ dataset: string; version: string; target: string | null }, Profile> = {
    kind: 'dataset.profile',
    async estimate({ version }) {
      const row = await versionById(metadata.db, version)
      return row ? needs.estimates.profile((row.rows ?? 0) * columnsOf(row).length) : null
    },
    run: ({ spec, signal, progress }) =>
      profileOf(spec.version, spec.target ?? undefined, signal, (stage, done, of) => progress(stage, done, of)),
    async publish(_tx, { spec }, profile) {
      return { dataset: spec.dataset, version: spec.version, warnings: profile.warnings.length, seconds: profile.seconds }
    },
  }
  jobs.register(handler)

  return { profileOf, start, stored }
}
