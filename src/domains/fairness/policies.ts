import { conflict, invalidInput, isPlatformError, notFound } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { GoalsService } from '../goals/service.ts'
import type { Objection } from '../registry/promotion.ts'
import type { ModelVersion } from '../registry/schema.ts'
import { judgePolicy } from './policy.ts'
import type { Policy, PolicyInput, PolicyOutcome } from './schema.ts'
import type { FairnessService } from './service.ts'
import { deletePolicy, insertPolicy, type PolicyRow, policiesFor, policiesOf, policyById, toPolicy } from './store.ts'

export interface PoliciesNeeds {
  metadata: Metadata
  access: Access
  goals: Pick<GoalsService, 'get'>
  datasets: Pick<DatasetsService, 'pin'>
  fairness: Pick<FairnessService, 'ofVersion' | 'visibleVersion'>
}

export type PoliciesService = ReturnType<typeof policiesService>

/** Policies: bounds on how models treat groups, set by administrators of a project and looked at when a version is promoted. */
export function policiesService({ metadata, access, goals, datasets, fairness }: PoliciesNeeds) {
  const { db } = metadata

  async function create(by: Principal, input: PolicyInput): Promise<Policy> {
    const project = await access.projectFor(by, input.project, 'models:approve')
    if (input.goal === null && input.dataset === null)
      throw invalidInput('Say which models the policy binds: those of a goal, or those trained on a data set.', { field: 'goal' })
    const goal = input.goal === null ? null : await goals.get(by, input.goal, input.project)
    const pinned = await datasets.pin(by, input.dataset ?? goal!.dataset, undefined, input.project)
    refuseForeign(project.id, goal?.project ?? project.id, 'goal')
    refuseAbsentColumns(input, pinned.version.columns, pinned.dataset.name)
    const { facets, intersections, favourable, minimumRows, rules } = input
    const row: PolicyRow = {
      id: newId('bpo'),
      project_id: project.id,
      name: input.name,
      goal_id: goal?.id ?? null,
      dataset_id: input.dataset === null ? null : pinned.dataset.id,
      policy: JSON.stringify({ facets, intersections, favourable, minimumRows, rules }),
      created_by: by.name,
      created_at: Date.now(),
    }
    if ((await policiesOf(db, project.id)).some(({ name }) => name === input.name))
      throw conflict(`There is a policy called "${input.name}" in this project already.`, { field: 'name', name: input.name })
    await metadata.transaction(async (tx) => {
      await insertPolicy(tx, row)
      await audit(tx, by, 'bias.policy-create', { target: row.id, project: project.id, facts: { name: row.name, rules } })
    })
    return toPolicy(row)
  }

  async function list(by: Principal, project?: string): Promise<{ items: Policy[] }> {
    const { id } = await access.projectFor(by, project, 'models:read')
    return { items: (await policiesOf(db, id)).map(toPolicy) }
  }

  async function remove(by: Principal, id: string): Promise<void> {
    const row = await policyById(db, id)
    const project = row && (await access.projectFor(by, row.project_id, 'models:approve').catch(hidden))
    if (!row || !project) throw notFound('bias policy', id)
    await metadata.transaction(async (tx) => {
      await deletePolicy(tx, row.id)
      await audit(tx, by, 'bias.policy-delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  /** How a version stands with every policy that binds it; for those who see its data too. */
  async function check(by: Principal, ref: string, project?: string): Promise<{ items: PolicyOutcome[] }> {
    return { items: await outcomes(await fairness.visibleVersion(by, ref, project)) }
  }

  /** Those that bind a version, for callers that already decided who may see it. */
  const binding = async (version: Pick<ModelVersion, 'project' | 'goal' | 'dataset'>): Promise<Policy[]> =>
    (await policiesFor(db, version)).map(toPolicy)

  async function outcomes(version: ModelVersion): Promise<PolicyOutcome[]> {
    const found: PolicyOutcome[] = []
    for (const policy of await binding(version)) found.push(await outcome(policy, version))
    return found
  }

  async function outcome(policy: Policy, version: ModelVersion): Promise<PolicyOutcome> {
    try {
      return judgePolicy(policy, await fairness.ofVersion(version, { ...policy, stratum: null }))
    } catch (error) {
      // What cannot be judged is not promoted in silence.
      if (!isPlatformError(error) || error.code === 'internal') throw error
      const sentence = `The policy "${policy.name}" cannot be checked: ${error.message}`
      return { policy: policy.id, name: policy.name, met: false, checks: [], sentences: [sentence] }
    }
  }

  /** What stands against promoting a version, for the registry. */
  async function objection(version: ModelVersion): Promise<Objection> {
    const broken = (await outcomes(version)).filter(({ met }) => !met)
    const fairnessFacts = broken.map(({ policy, name, checks }) => ({
      policy,
      name,
      checks: checks.filter(({ met }) => met === false),
    }))
    return {
      reasons: broken.flatMap(({ sentences }) => sentences),
      facts: broken.length === 0 ? {} : { fairness: fairnessFacts },
    }
  }

  return { create, list, remove, check, binding, objection }
}

/** A project that one may not see is one that is not there. */
function hidden(error: unknown): null {
  if (isPlatformError(error) && error.code === 'not_found') return null
  throw error
}

function refuseForeign(project: string, other: string, noun: string): void {
  if (project !== other) throw invalidInput(`The ${noun} is in another project than the policy.`, { field: noun })
}

function refuseAbsentColumns({ facets }: PolicyInput, columns: readonly { name: string }[], dataset: string): void {
  const absent = facets.find(({ column }) => !columns.some(({ name }) => name === column))
  if (absent)
    throw invalidInput(`The data set "${dataset}" has no column "${absent.column}".`, { field: 'facets', column: absent.column })
}
