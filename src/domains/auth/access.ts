import { type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type * as z from 'zod'
import { conflict, forbidden, invalidInput, notFound, PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { type IdPrefix, isId } from '../../kernel/ids.ts'
import { type Permission, permissions, type Role, roles } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { ownerName, resourcePatchValues, resourceValues } from './resource.ts'
import type { ResourceInput, ResourcePatch, Visibility } from './schema.ts'
import type { SettingsService } from './settings.ts'
import { type AuthTables, authTables, type ProjectRow, type ResourceRow } from './tables.ts'

export { mentions, nameTakenIsConflict, ownerName, resourceColumns, resourceIndexes, toResource } from './resource.ts'
export type { ProjectRow, ResourceRow } from './tables.ts'

/** What a decision about a thing needs to know of it. */
export type Guarded = Pick<ResourceRow, 'id' | 'project_id' | 'owner_id' | 'visibility'>

/** A row that `resolve` found, with its owner's name for `toResource`. */
export type Resolved<Row> = Row & ResourceRow & { owner_name: string }

export interface Access {
  /** Throws unauthenticated, forbidden, or not_found where the principal may not even know that the thing exists. */
  authorize(by: Principal, permission: Permission, resource?: Guarded): Promise<void>
  /** The one predicate of what a principal sees, for get, list, search and count: `query.where(access.visibleTo(by, 'goals'))`. */
  visibleTo(by: Principal, table: string, options?: { inBin?: boolean }): RawBuilder<SqlBool>
  /** How many rows of a resource table a principal sees in a project. */
  countIn(by: Principal, table: string, projectId: string): Promise<number>
  /** The project that a call is about (id, name, or the default one), when the principal has the permission there. */
  projectFor(by: Principal, ref?: string | null, permission?: Permission): Promise<ProjectRow>
  defaultProject(by: Principal): Promise<ProjectRow | null>
  /** The projects that a principal sees, as a query to narrow further. */
  visibleProjects(by: Principal): SelectQueryBuilder<AuthTables, 'projects', ProjectRow>
  /**
   * One visible row by id or name. A name is looked for in `project` when given, else in the default project,
   * else anywhere the principal sees (then it must be the only one).
   */
  resolve<Row = object>(
    table: string,
    by: Principal,
    ref: string,
    project?: string | null,
    options?: { noun?: string; inBin?: boolean },
  ): Promise<Resolved<Row>>
  /** Role by membership; null when not a member. Platform administrators are admins everywhere. */
  roleIn(by: Principal, projectId: string): Promise<Role | null>
  /** The common columns of a new thing in a project, after checking that its visibility is allowed here. */
  newResource(
    prefix: IdPrefix,
    by: Principal,
    project: Pick<ProjectRow, 'id'>,
    input: Pick<z.output<typeof ResourceInput>, 'name'> & Partial<z.output<typeof ResourceInput>>,
  ): Promise<ResourceRow>
  /** The columns that a patch changes, after the same check. */
  patchResource(patch: z.output<typeof ResourcePatch>): Promise<Partial<ResourceRow> & { updated_at: number }>
  /** Forgets what it knows about who is a member of what; called after such a change. */
  forgetRoles(): void
}

/** Decides who may do what: the only place that does. */
export function accessControl({
  metadata,
  events,
  settings,
}: {
  metadata: Metadata
  events: Events
  settings: SettingsService
}): Access {
  const { db } = metadata
  const roleCache = new Map<string, { roles: Map<string, Role>; at: number }>()
  events.on('credential.revoked', ({ userId }) => void roleCache.delete(userId))

  async function authorize(by: Principal, permission: Permission, resource?: Guarded): Promise<void> {
    const needed = permissions[permission]
    if (needed === undefined) throw new Error(`There is no permission "${permission}".`)
    if (needed === 'anyone') return
    if (by.scopes && !by.scopes.includes(permission))
      throw forbidden(`This token is not allowed to ${permission}. Make one whose scopes include it.`, { permission })
    if (by.userId === null) return authorizeNobody(permission, resource)
    if (needed === 'user' || by.isPlatformAdmin) return
    if (needed === 'platform') throw forbidden('Only a platform administrator may do this.', { permission })
    if (!resource) return
    const role = await roleIn(by, resource.project_id)
    if (!sees(by, resource, role)) throw notFound(nounOf(resource.id), resource.id)
    if (rank(role ?? 'viewer') < rank(needed))
      throw forbidden(`This takes the role ${needed} in the project; yours is ${role ?? 'none'}.`, { permission, needed, role })
  }

  /** Without signing in there is only reading what is public, where an administrator allows that. */
  async function authorizeNobody(permission: Permission, resource?: Guarded): Promise<void> {
    const open = permissions[permission] === 'viewer' && (await settings.get()).publicVisibility
    if (!open || (resource && resource.visibility !== 'public'))
      throw new PlatformError('unauthenticated', 'Sign in, or send a token: Authorization: Bearer atoll_pat_…')
  }

  function visibleTo(by: Principal, table: string, { inBin = false } = {}): RawBuilder<SqlBool> {
    const column = (name: string) => sql.ref(`${table}.${name}`)
    const present = inBin ? sql`${column('deleted_at')} is not null` : sql`${column('deleted_at')} is null`
    const alive = sql`${present} and ${column('project_id')} in (select id from projects where deleted_at is null)`
    if (by.isPlatformAdmin) return sql<SqlBool>`(${alive})`
    if (by.userId === null)
      return sql<SqlBool>`(${alive} and ${column('visibility')} = 'public'
        and exists (select 1 from settings where key = 'publicVisibility' and value = 'true'))`
    return sql<SqlBool>`(${alive} and (${column('owner_id')} = ${by.userId}
      or ${column('visibility')} in ('institution', 'public')
      or (${column('visibility')} = 'team' and ${column('project_id')} in (${projectsOf(by.userId)}))
      or ${column('project_id')} in (${projectsOf(by.userId, 'admin')})))`
  }

  async function countIn(by: Principal, table: string, projectId: string): Promise<number> {
    const { rows } = await sql<{ count: number | string }>`select count(*) as count from ${sql.table(table)}
      where ${visibleTo(by, table)} and ${sql.ref(`${table}.project_id`)} = ${projectId}`.execute(db)
    return Number(rows[0]?.count ?? 0)
  }

  async function roleIn(by: Principal, projectId: string): Promise<Role | null> {
    if (by.isPlatformAdmin) return 'admin'
    if (by.userId === null) return null
    return (await rolesOf(by.userId)).get(projectId) ?? null
  }

  async function rolesOf(userId: string): Promise<Map<string, Role>> {
    const cached = roleCache.get(userId)
    // Another process may have changed them: never older than two seconds.
    if (cached && Date.now() - cached.at < 2000) return cached.roles
    const at = Date.now()
    const rows = await authTables(db)
      .selectFrom('project_members')
      .select(['project_id', 'role'])
      .where(sql<SqlBool>`${isMember(userId)}`)
      .execute()
    const best = new Map<string, Role>()
    for (const { project_id, role } of rows) if (rank(role) > rank(best.get(project_id))) best.set(project_id, role)
    if (roleCache.size > 10_000) roleCache.clear()
    roleCache.set(userId, { roles: best, at })
    return best
  }

  const visibleProjects = (by: Principal) =>
    authTables(db)
      .selectFrom('projects')
      .selectAll()
      .where('deleted_at', 'is', null)
      .where((eb) => {
        if (by.isPlatformAdmin) return sql<SqlBool>`1 = 1`
        if (by.userId === null) return sql<SqlBool>`1 = 0`
        return eb.or([eb('visibility', '=', 'institution'), sql<SqlBool>`id in (${projectsOf(by.userId)})`])
      })

  async function defaultProject(by: Principal): Promise<ProjectRow | null> {
    if (by.userId === null) return null
    const own = await visibleProjects(by)
      .orderBy(sql`case when id in (${projectsOf(by.userId)}) then 0 else 1 end`)
      .orderBy('created_at')
      .orderBy('id')
      .executeTakeFirst()
    return own ?? null
  }

  async function projectFor(by: Principal, ref?: string | null, permission: Permission = 'projects:read'): Promise<ProjectRow> {
    const needed = permissions[permission]
    await authorize(by, permission)
    const project = ref
      ? await visibleProjects(by)
          .where(isId(ref) ? 'id' : 'name', '=', ref)
          .executeTakeFirst()
      : await defaultProject(by)
    if (!project && ref) throw notFound('project', ref)
    if (!project)
      throw invalidInput('You are in no project yet. Create one, or ask a colleague to add you.', { field: 'project' })
    const role = await roleIn(by, project.id)
    if (isRole(needed) && rank(role ?? 'viewer') < rank(needed))
      throw forbidden(`This takes the role ${needed} in the project "${project.name}"; yours is ${role ?? 'none'}.`, {
        permission,
        needed,
        role,
        project: project.id,
      })
    return project
  }

  async function resolve<Row>(
    table: string,
    by: Principal,
    ref: string,
    project?: string | null,
    { noun = nounOfTable(table), inBin = false } = {},
  ): Promise<Resolved<Row>> {
    const visible = db
      .selectFrom(table)
      .selectAll(table)
      .select(ownerName(table))
      .where(visibleTo(by, table, { inBin }))
    if (isId(ref)) {
      const row = await visible.where(`${table}.id`, '=', ref).executeTakeFirst()
      if (!row) throw notFound(noun, ref)
      return row as Resolved<Row>
    }
    const named = visible.where(`${table}.name`, '=', ref).orderBy(`${table}.created_at`, 'desc')
    const within = project ? await projectFor(by, project) : await defaultProject(by)
    const here = within && (await named.where(`${table}.project_id`, '=', within.id).executeTakeFirst())
    if (here) return here as Resolved<Row>
    if (project) throw notFound(noun, ref)
    const [elsewhere, second] = await named.limit(2).execute()
    if (!elsewhere) throw notFound(noun, ref)
    if (second && second.project_id !== elsewhere.project_id)
      throw conflict(`Several projects have a ${noun} called "${ref}". Say which with its id, or with the project.`, {
        noun,
        ref,
        projects: [elsewhere.project_id, second.project_id],
      })
    return elsewhere as Resolved<Row>
  }

  async function allowVisibility(visibility: Visibility | undefined): Promise<void> {
    if (visibility === 'public' && !(await settings.get()).publicVisibility)
      throw preconditionFailed('Public visibility is off. A platform administrator can allow it in the settings.', {
        field: 'visibility',
      })
  }

  return {
    authorize,
    visibleTo,
    countIn,
    projectFor,
    defaultProject,
    visibleProjects,
    resolve,
    roleIn,
    async newResource(prefix, by, project, input) {
      await allowVisibility(input.visibility)
      return resourceValues(prefix, by, project.id, input)
    },
    async patchResource(patch) {
      await allowVisibility(patch.visibility)
      return resourcePatchValues(patch)
    },
    forgetRoles: () => roleCache.clear(),
  }
}

/** The same rule as `visibleTo`, for a row already at hand. */
function sees(by: Principal, resource: Guarded, role: Role | null): boolean {
  if (resource.owner_id === by.userId || role === 'admin') return true
  if (resource.visibility === 'team') return role !== null
  return resource.visibility !== 'private'
}

const isMember = (userId: string) => sql`((kind = 'user' and member_id = ${userId})
  or (kind = 'team' and member_id in (select team_id from team_members where user_id = ${userId})))`

const projectsOf = (userId: string, role?: Role) =>
  role
    ? sql`select project_id from project_members where role = ${role} and ${isMember(userId)}`
    : sql`select project_id from project_members where ${isMember(userId)}`

const rank = (role: Role | null | undefined): number => (role ? roles.indexOf(role) : -1)
const isRole = (needed: string): needed is Role => (roles as readonly string[]).includes(needed)

const nounOfTable = (table: string): string => table.replaceAll('_', ' ').replace(/s$/, '')

const nounsByPrefix: Record<string, string> = {
  ds: 'dataset',
  goal: 'goal',
  rcp: 'recipe',
  wts: 'set of weights',
  exp: 'experiment',
  run: 'run',
  job: 'job',
  mdl: 'model',
  end: 'endpoint',
  mon: 'monitor',
  srch: 'search',
}
const nounOf = (id: string): string => nounsByPrefix[id.slice(0, id.indexOf('_'))] ?? 'resource'
