import type * as z from 'zod'
import { preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { SettingsService } from '../auth/settings.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { refuseBadPolicy } from './capture-policy.ts'
import { refuseUnproven } from './deployment-rule.ts'
import type { LiveEndpoint, LiveEndpoints } from './live.ts'
import type { ScalingService } from './scaling/service.ts'
import type { Endpoint, EndpointInput, EndpointPatch } from './schema.ts'
import type { EndpointsNeeds } from './service.ts'
import { toLoad } from './serving.ts'
import {
  type EndpointRow,
  endpointById,
  historyOf,
  insertEndpoint,
  isServedElsewhere,
  knownWith,
  noteDeployment,
  signatureOf,
  updateEndpoint,
} from './store.ts'
import type { TrafficService } from './traffic/service.ts'
import { variantsOf } from './traffic/store.ts'

export interface DeploymentsNeeds {
  metadata: Metadata
  access: Access
  settings: SettingsService
  registry: EndpointsNeeds['registry']
  live: LiveEndpoints
  inTurn<T>(id: string, work: () => Promise<T>): Promise<T>
  mayChange(by: Principal, ref: string, project?: string): Promise<EndpointRow>
  wire(id: string): Promise<z.infer<typeof Endpoint>>
  changed(row: Pick<EndpointRow, 'id' | 'project_id'>, state: string): void
  loadAll(row: EndpointRow): Promise<LiveEndpoint>
  scaling(): Pick<ScalingService, 'makeRoom'>
  traffic(): Pick<TrafficService, 'backToPrevious'>
}

type EndpointOut = z.infer<typeof Endpoint>

/** What an endpoint itself serves: made, exchanged, started and stopped, rolled back, put away. */
export function deploymentsService(needs: DeploymentsNeeds) {
  const { metadata, access, settings, registry, live, inTurn, mayChange, wire, changed, loadAll } = needs
  const { db } = metadata

  /** The version to deploy, once nothing stands in its way: proven, and meeting its goal, approved, or overridden by an administrator. */
  async function deployable(by: Principal, ref: string, project: string | undefined, reason: string | null) {
    const version = await registry.resolveVersion(by, ref, project)
    refuseUnproven(version)
    const isApproved = version.state === 'approved' || version.state === 'deployed'
    const override = isApproved ? version.override : await registry.requirePromotable(by, version, reason)
    return { version, override }
  }

  const versionColumns = (version: ModelVersion) => ({
    model_id: version.model,
    model_name: version.modelName,
    version_id: version.id,
    version_number: version.number,
    served: version.manifest.kind,
    trust: version.manifest.trust,
    signature: JSON.stringify(version.signature),
  })

  async function create(by: Principal, input: z.output<typeof EndpointInput>): Promise<EndpointOut> {
    const project = await access.projectFor(by, input.project, 'endpoints:write')
    const { version, override } = await deployable(by, input.model, input.project, input.overrideReason)
    refuseBadPolicy(input.capture, version.signature)
    const row: EndpointRow = {
      ...(await access.newResource('end', by, project, input)),
      ...versionColumns(version),
      capture: JSON.stringify(input.capture),
      running: 1,
      message: null,
      sticky: null,
      scaling: null,
      max_loaded: 16,
      known: null,
    }
    // Loaded first: an endpoint that could never answer is not made.
    const loaded = await live.load(toLoad(versionColumns(version)))
    await inTurn(row.id, async () => {
      try {
        const insert = metadata.transaction(async (tx) => {
          await insertEndpoint(tx, row)
          await deployed(tx, by, row, override)
          const facts = deploymentFacts(row, override)
          await audit(tx, by, 'endpoints.create', { target: row.id, project: row.project_id, facts })
        })
        await nameTakenIsConflict('endpoint', input.name, insert)
      } catch (error) {
        await loaded.release()
        throw error
      }
      live.exchange(row, (await settings.get()).captureShare, loaded)
    })
    await needs.scaling().makeRoom(row.id)
    changed(row, 'ready')
    return wire(row.id)
  }

  async function deployed(tx: Db, by: Principal, row: EndpointRow, override: ModelVersion['override']): Promise<void> {
    await noteDeployment(tx, {
      endpoint_id: row.id,
      version_id: row.version_id,
      version_number: row.version_number,
      model_id: row.model_id,
      at: Date.now(),
      by_name: by.name,
    })
    await registry.markDeployed(tx, row.version_id, override)
  }

  async function undeployed(tx: Db, endpointId: string, versionId: string): Promise<void> {
    if (!(await isServedElsewhere(tx, versionId, endpointId))) await registry.markUndeployed(tx, versionId)
  }

  async function exchangeVersion(
    by: Principal,
    row: EndpointRow,
    ref: string,
    { reason, action, project }: { reason: string | null; action: string; project?: string },
  ) {
    const { version, override } = await deployable(by, ref, project, reason)
    if (version.id === row.version_id) return
    const known = knownWith(row, signatureOf(row), version.signature)
    const next = { ...row, ...versionColumns(version), known, running: 1, updated_at: Date.now() }
    const loaded = await live.load(toLoad(versionColumns(version)))
    try {
      await metadata.transaction(async (tx) => {
        await updateEndpoint(tx, row.id, { ...versionColumns(version), known, running: 1, updated_at: next.updated_at })
        await undeployed(tx, row.id, row.version_id)
        await deployed(tx, by, next, override)
        const facts = { ...deploymentFacts(next, override), before: row.version_id }
        await audit(tx, by, action, { target: row.id, project: row.project_id, facts })
      })
    } catch (error) {
      await loaded.release()
      throw error
    }
    live.exchange(next, (await settings.get()).captureShare, loaded)
  }

  async function patch(
    by: Principal,
    ref: string,
    changes: z.output<typeof EndpointPatch>,
    project?: string,
  ): Promise<EndpointOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, () => patchInTurn(by, id, changes, project))
  }

  async function patchInTurn(
    by: Principal,
    id: string,
    changes: z.output<typeof EndpointPatch>,
    project?: string,
  ): Promise<EndpointOut> {
    const row = await mayChange(by, id)
    if (changes.capture) refuseBadPolicy(changes.capture, signatureOf(row))
    if (changes.model !== undefined) {
      await exchangeVersion(by, row, changes.model, {
        reason: changes.overrideReason ?? null,
        action: 'endpoints.deploy',
        project,
      })
    }
    const { model: _, overrideReason: __, ...rest } = changes
    if (Object.keys(rest).length > 0) {
      await metadata.transaction(async (tx) => {
        await updateEndpoint(tx, row.id, {
          ...(rest.description !== undefined && { description: rest.description }),
          ...(rest.capture !== undefined && { capture: JSON.stringify(rest.capture) }),
          ...(rest.running !== undefined && { running: rest.running ? 1 : 0 }),
          updated_at: Date.now(),
        })
        await audit(tx, by, 'endpoints.change', { target: row.id, project: row.project_id, facts: rest })
      })
    }
    const now = (await endpointById(db, row.id))!
    if (now.running) await loadAll(now)
    else await live.stop(row.id)
    changed(row, now.running ? 'ready' : 'stopped')
    return wire(row.id)
  }

  async function rollback(by: Principal, ref: string, project?: string): Promise<EndpointOut> {
    const { id } = await mayChange(by, ref, project)
    return inTurn(id, () => rollBackInTurn(by, id))
  }

  async function rollBackInTurn(by: Principal, id: string): Promise<EndpointOut> {
    const row = await mayChange(by, id)
    const before = (await historyOf(db, row.id)).find((entry) => entry.version_id !== row.version_id)
    if (!before) {
      throw preconditionFailed(
        `The endpoint "${row.name}" has served no other version yet, so there is nothing to roll back to.`,
        {
          endpoint: row.id,
        },
      )
    }
    if (!(await needs.traffic().backToPrevious(by, row, before.version_id)))
      await exchangeVersion(by, row, before.version_id, { reason: null, action: 'endpoints.rollback' })
    changed(row, 'ready')
    return wire(row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const { id } = await mayChange(by, ref, project)
    await inTurn(id, () => removeInTurn(by, id))
  }

  async function removeInTurn(by: Principal, id: string): Promise<void> {
    const row = await mayChange(by, id)
    const variants = await variantsOf(db, id)
    await metadata.transaction(async (tx) => {
      await updateEndpoint(tx, row.id, { deleted_at: Date.now(), running: 0 })
      for (const { version_id } of [row, ...variants]) await undeployed(tx, id, version_id)
      await audit(tx, by, 'endpoints.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
    await live.stop(row.id)
    changed(row, 'stopped')
  }

  return { deployable, versionColumns, deployed, exchangeVersion, create, patch, rollback, remove }
}

const deploymentFacts = (row: EndpointRow, override: ModelVersion['override']) => ({
  name: row.name,
  version: row.version_id,
  model: row.model_name,
  number: row.version_number,
  ...(override && { override }),
})
