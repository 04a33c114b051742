import type * as z from 'zod'
import { conflict, notFound } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { isId } from '../../kernel/ids.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import { type BlobStore, hashesIn } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Search } from '../auth/search.ts'
import type { GoalsService } from '../goals/service.ts'
import { layPackage } from './package.ts'
import { type Objection, objections, refuseMove, refusePromotion } from './promotion.ts'
import type { Derived, Model, ModelVersion, Promotion } from './schema.ts'
import {
  derivedVersions,
  leadingVersions,
  listModels,
  listVersions,
  modelById,
  type NamedModelRow,
  type NamedVersionRow,
  takeNumber,
  toVersion,
  versionById,
  versionByNumber,
  versionsOfGoal,
  versionsOfModels,
} from './store.ts'
import { type ModelRow, registryTables, type VersionRow, type VersionState } from './tables.ts'
import { toModel } from './to-model.ts'

export interface RegistryNeeds {
  metadata: Metadata
  access: Access
  search: Search
  events: Events
  blobs: BlobStore
  files: Files
  goals: GoalsService
}

export type RegistryService = ReturnType<typeof registryService>

/** A version to register: what training made, evaluated and proved. */
export type NewVersion = Omit<VersionRow, 'model_id' | 'number' | 'state' | 'override' | 'derived' | 'created_at'> &
  Partial<Pick<VersionRow, 'derived'>>

/** Models and their versions: packages with evidence, and the way from registered to deployed. */
export function registryService({ metadata, access, search, events, blobs, files, goals }: RegistryNeeds) {
  const { db } = metadata
  const objectors: ((version: ModelVersion) => Promise<Objection>)[] = []
  search.registerTable('models', { noun: 'model', permission: 'models:read' })

  const findModel = (by: Principal, ref: string, project?: string) => access.resolve<ModelRow>('models', by, ref, project)

  async function withOutcomes(rows: readonly NamedVersionRow[]): Promise<ModelVersion[]> {
    const judged = rows.filter((row) => row.goal_id !== null)
    const outcomes = await goals.outcomes(judged.map((row) => ({ goal: row.goal_id!, metrics: JSON.parse(row.test) })))
    const byId = new Map(judged.map((row, i) => [row.id, outcomes[i] ?? null]))
    return rows.map((row) => toVersion(row, byId.get(row.id) ?? null))
  }
  const withOutcome = async (row: NamedVersionRow): Promise<ModelVersion> => (await withOutcomes([row]))[0]!

  async function withVersions(rows: readonly NamedModelRow[]): Promise<z.infer<typeof Model>[]> {
    const leading = await withOutcomes(
      await leadingVersions(
        db,
        rows.map((row) => row.id),
      ),
    )
    return rows.map((row) =>
      toModel(
        row,
        leading.filter((version) => version.model === row.id),
      ),
    )
  }

  /** A version's row by `name` (the newest that is not withdrawn), `name:3`, or id, in a model that the principal sees. */
  async function findVersion(
    by: Principal,
    ref: string,
    project?: string,
  ): Promise<NamedVersionRow & Pick<ModelRow, 'owner_id' | 'visibility'>> {
    if (isId(ref) && ref.startsWith('mdv_')) {
      const row = await versionById(db, ref)
      const model = row && (await findModel(by, row.model_id).catch(() => null))
      if (!row || !model) throw notFound('model version', ref)
      return { ...row, owner_id: model.owner_id, visibility: model.visibility }
    }
    const colon = ref.lastIndexOf(':')
    const model = await findModel(by, colon < 0 ? ref : ref.slice(0, colon), project)
    const row = colon < 0 ? await newestInUse(model.id) : await versionByNumber(db, model.id, Number(ref.slice(colon + 1)) || -1)
    if (row) return { ...row, owner_id: model.owner_id, visibility: model.visibility }
    const numbers = (await versionsOfModels(db, [model.id])).map((version) => version.number)
    throw notFound(`version of the model "${model.name}" (it has ${numbers.slice(0, 20).join(', ') || 'none'})`, ref)
  }

  async function newestInUse(modelId: string): Promise<NamedVersionRow | undefined> {
    const versions = await versionsOfModels(db, [modelId])
    const inUse = versions.filter((version) => version.state !== 'archived' && version.state !== 'deprecated')
    // Who asks for a model means what was trained; a smaller one that was made from it is asked for by its number.
    return inUse.find((version) => version.derived === null) ?? inUse[0] ?? versions[0]
  }

  const resolveVersion = async (by: Principal, ref: string, project?: string): Promise<ModelVersion> =>
    withOutcome(await findVersion(by, ref, project))

  async function list(
    by: Principal,
    query: PageQuery & { project?: string; target?: string; q?: string },
  ): Promise<Page<z.infer<typeof Model>>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const page = toPage(await listModels(db, access.visibleTo(by, 'models'), { ...query, project }), query.limit, (row) => [
      row.created_at,
      row.id,
    ])
    return { ...page, items: await withVersions(page.items) }
  }

  async function get(by: Principal, ref: string, project?: string): Promise<z.infer<typeof Model>> {
    const { id } = await findModel(by, ref, project)
    return (await withVersions([await modelById(db, id)]))[0]!
  }

  async function patch(by: Principal, ref: string, changes: Parameters<Access['patchResource']>[0], project?: string) {
    const row = await findModel(by, ref, project)
    await access.authorize(by, 'models:write', row)
    const next = await access.patchResource(changes)
    const update = metadata.transaction(async (tx) => {
      await registryTables(tx).updateTable('models').set(next).where('id', '=', row.id).execute()
      await audit(tx, by, 'models.change', { target: row.id, project: row.project_id, facts: { ...changes } })
    })
    await nameTakenIsConflict('model', changes.name ?? row.name, update)
    return get(by, row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await findModel(by, ref, project)
    await access.authorize(by, 'models:write', row)
    const deployed = (await versionsOfModels(db, [row.id])).find((version) => version.state === 'deployed')
    if (deployed)
      throw conflict(
        `${row.name}:${deployed.number} serves an endpoint. Deploy another version there first, or remove the endpoint.`,
        {
          model: row.id,
          version: deployed.id,
        },
      )
    await metadata.transaction(async (tx) => {
      await registryTables(tx).updateTable('models').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'models.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  async function versions(by: Principal, ref: string, query: PageQuery, project?: string): Promise<Page<ModelVersion>> {
    const model = await findModel(by, ref, project)
    const page = toPage(await listVersions(db, model.id, query), query.limit, (row) => [row.number])
    return { ...page, items: await withOutcomes(page.items) }
  }

  /** Refuses a version whose goal or proof stands against it, unless an administrator of the project says why anyway; answers the override. */
  async function requirePromotable(
    by: Principal,
    version: ModelVersion,
    overrideReason: string | null,
  ): Promise<ModelVersion['override']> {
    if (version.override) return version.override
    const others = await Promise.all(objectors.map((ask) => ask(version)))
    const reasons = [...objections(version), ...others.flatMap((one) => one.reasons)]
    if (reasons.length === 0) return null
    if (overrideReason === null) throw refusePromotion(version, reasons, Object.assign({}, ...others.map((one) => one.facts)))
    const model = await modelById(db, version.model)
    await access.authorize(by, 'models:approve', model)
    return { by: by.name, reason: overrideReason, at: new Date().toISOString() }
  }

  async function promote(
    by: Principal,
    ref: string,
    { to, overrideReason }: z.output<typeof Promotion>,
    project?: string,
  ): Promise<ModelVersion> {
    const row = await findVersion(by, ref, project)
    await access.authorize(by, 'models:write', { ...row, id: row.model_id })
    const version = await withOutcome(row)
    refuseMove(version, to)
    const override = to === 'approved' ? await requirePromotable(by, version, overrideReason) : version.override
    await metadata.transaction((tx) => moveVersion(tx, by, row, to, override))
    events.emit('model.version-changed', { modelId: row.model_id, versionId: row.id, projectId: row.project_id, state: to })
    return resolveVersion(by, row.id)
  }

  async function moveVersion(tx: Db, by: Principal, row: NamedVersionRow, to: VersionState, override: ModelVersion['override']) {
    const isNew = override !== null && row.override === null
    await registryTables(tx)
      .updateTable('model_versions')
      .set({ state: to, ...(isNew && { override: JSON.stringify(override) }) })
      .where('id', '=', row.id)
      .where('state', '=', row.state)
      .executeTakeFirstOrThrow()
    await audit(tx, by, isNew ? 'models.promote-with-override' : 'models.promote', {
      target: row.id,
      project: row.project_id,
      facts: { name: `${row.model_name}:${row.number}`, from: row.state, to, ...(isNew && { reason: override.reason }) },
    })
  }

  /** In the transaction that puts a version behind an endpoint. */
  async function markDeployed(tx: Db, versionId: string, override: ModelVersion['override'] = null): Promise<void> {
    await registryTables(tx)
      .updateTable('model_versions')
      .set({ state: 'deployed', ...(override && { override: JSON.stringify(override) }) })
      .where('id', '=', versionId)
      .execute()
  }

  /** In the transaction that takes a version from its last endpoint. */
  async function markUndeployed(tx: Db, versionId: string): Promise<void> {
    await registryTables(tx)
      .updateTable('model_versions')
      .set({ state: 'approved' })
      .where('id', '=', versionId)
      .where('state', '=', 'deployed')
      .execute()
  }

  /** The model of that name in a project, if there is one; refuses one that predicts something else. */
  async function modelNamed(
    projectId: string,
    name: string,
    wanted: { task: string; target: string | null },
    on: Db = db,
  ): Promise<ModelRow | undefined> {
    const model = await registryTables(on)
      .selectFrom('models')
      .selectAll()
      .where('project_id', '=', projectId)
      .where('name', '=', name)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    if (model && (model.task !== wanted.task || model.target !== (wanted.target ?? '')))
      throw conflict(
        `The model "${name}" ${predicts(model)}, ${wanted.target ? `not "${wanted.target}" (${wanted.task})` : `and is not for ${wanted.task}`}. Choose another name for the model.`,
        { field: 'model', model: model.id, name },
      )
    return model
  }

  /** Refuses a model's name that is taken by a model for something else, or by one that the principal may not add to. */
  async function refuseOtherModel(
    by: Principal,
    projectId: string,
    name: string,
    wanted: { task: string; target: string | null },
  ): Promise<void> {
    const model = await modelNamed(projectId, name, wanted)
    if (!model) return
    await access.authorize(by, 'models:write', model).catch(() => {
      throw conflict(
        `There is a model called "${name}" in this project to which you may not add. Choose another name for the model.`,
        {
          field: 'model',
          name,
        },
      )
    })
  }

  /** Registers a version in the caller's transaction, making its model where there is none of that name. */
  async function register(
    tx: Db,
    by: Principal,
    model: { name: string; projectId: string; visibility?: ModelRow['visibility'] },
    version: NewVersion,
  ): Promise<{ modelId: string; number: number }> {
    let existing = await modelNamed(model.projectId, model.name, version, tx)
    if (!existing) {
      const resource = await access.newResource(
        'mdl',
        by,
        { id: model.projectId },
        { name: model.name, visibility: model.visibility },
      )
      existing = { ...resource, task: version.task, target: version.target, versions: 0 }
      await registryTables(tx).insertInto('models').values(existing).execute()
    }
    const number = await takeNumber(tx, existing.id)
    await registryTables(tx)
      .insertInto('model_versions')
      .values({ ...version, model_id: existing.id, number, state: 'registered', override: null, created_at: Date.now() })
      .execute()
    await audit(tx, by, 'models.register', {
      target: version.id,
      project: model.projectId,
      facts: {
        name: `${model.name}:${number}`,
        job: version.job_id,
        datasetVersion: version.dataset_version_id,
        split: version.split_id,
        ...(version.derived && { derivedFrom: JSON.parse(version.derived).from }),
      },
    })
    return { modelId: existing.id, number }
  }

  /** Lays a version's package in a folder; for callers that already decided who may have it. */
  async function layVersion(versionId: string, folder: string, options: { sandboxOnly?: boolean } = {}): Promise<void> {
    const row = await versionById(db, versionId)
    if (!row) throw notFound('model version', versionId)
    await layPackage({ blobs, files }, JSON.parse(row.manifest), folder, options)
  }

  /** A version as it is; for callers that already decided who may have it. */
  async function versionAsIs(versionId: string): Promise<ModelVersion> {
    const row = await versionById(db, versionId)
    if (!row) throw notFound('model version', versionId)
    return toVersion(row, null)
  }

  const modelOfVersion = async (versionId: string): Promise<string | null> => (await versionById(db, versionId))?.model_id ?? null

  /** What drift is measured against: the rows that the version learnt from, and what it said about the sealed ones. */
  async function baseline(versionId: string) {
    const row = await versionById(db, versionId)
    if (!row) throw notFound('model version', versionId)
    return {
      trainingSplitId: row.split_id,
      datasetVersionId: row.dataset_version_id,
      target: row.target,
      signature: JSON.parse(row.signature) as ModelVersion['signature'],
      predictionsSha256: row.predictions,
    }
  }

  /** The version that others were made from, or were made from it, and all of these: the original first. */
  async function family(by: Principal, ref: string, project?: string): Promise<ModelVersion[]> {
    const asked = await findVersion(by, ref, project)
    const derived = await derivedVersions(db, access.visibleTo(by, 'models'), asked.project_id)
    const origin = new Map(derived.map((row) => [row.id, (JSON.parse(row.derived!) as Derived).from]))
    let root = asked.id
    for (let steps = 0; origin.has(root) && steps < 20; steps++) root = origin.get(root)!
    const first = await findVersion(by, root).catch(() => asked)
    const found = [first.id]
    for (let at = 0; at < found.length; at++)
      for (const [id, from] of origin) if (from === found[at] && !found.includes(id)) found.push(id)
    const rows = derived.filter(({ id }) => id !== first.id && found.includes(id)).slice(-mostOfFamily)
    return withOutcomes([first, ...rows])
  }

  /** How far every model of a goal is from it, newest first. */
  async function goalProgress(by: Principal, ref: string, project?: string) {
    const goal = await goals.get(by, ref, project)
    const rows = await versionsOfGoal(db, access.visibleTo(by, 'models'), goal.id, 200)
    const judged = (await withOutcomes(rows)).filter((version) => version.goalOutcome !== null)
    const best = judged.reduce<ModelVersion | null>(
      (top, one) => (top && top.goalOutcome!.gap >= one.goalOutcome!.gap ? top : one),
      null,
    )
    return { goal, best, versions: judged }
  }

  /** The package of every version, and what it said about the sealed rows. */
  async function* blobsInUse(): AsyncGenerator<string> {
    const rows = await registryTables(db).selectFrom('model_versions').select(['manifest', 'predictions']).execute()
    for (const { manifest, predictions } of rows) {
      yield* hashesIn(manifest)
      if (predictions) yield predictions
    }
  }

  return {
    list,
    get,
    patch,
    remove,
    blobsInUse,
    versions,
    findVersion,
    resolveVersion,
    promote,
    requirePromotable,
    /** Asks one more domain before a version is promoted or deployed. */
    objectTo: (ask: (version: ModelVersion) => Promise<Objection>) => void objectors.push(ask),
    markDeployed,
    markUndeployed,
    refuseOtherModel,
    register,
    layPackage: layVersion,
    modelOfVersion,
    versionById: versionAsIs,
    baseline,
    family,
    goalProgress,
  }
}

const mostOfFamily = 40

const predicts = ({ task, target }: { task: string; target: string | null }): string =>
  target ? `predicts "${target}" (${task})` : `is for ${task}`
