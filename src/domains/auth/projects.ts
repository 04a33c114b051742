import type * as z from 'zod'
import { invalidInput, notFound } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { decodeCursor, type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Role } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from './access.ts'
import { audit } from './audit.ts'
import { nameTakenIsConflict } from './resource.ts'
import type { Member as MemberSchema, Project, ProjectInput } from './schema.ts'
import { authTables, type ProjectRow } from './tables.ts'

type Member = z.output<typeof MemberSchema>
export type ProjectService = ReturnType<typeof projectService>

/** Projects, and who takes part in them. */
export function projectService({ metadata, access }: { metadata: Metadata; access: Access }) {
  /** Domains above say how their things of one project are counted. */
  const counters = new Map<string, (by: Principal, projectId: string) => Promise<number>>()

  async function toProject(by: Principal, row: ProjectRow): Promise<Project> {
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      visibility: row.visibility,
      role: await access.roleIn(by, row.id),
      createdAt: toIso(row.created_at),
    }
  }

  async function list(by: Principal, query: PageQuery): Promise<Page<Project>> {
    const after = query.cursor ? String(decodeCursor(query.cursor, ['string'])[0]) : null
    const rows = await access
      .visibleProjects(by)
      .$if(after !== null, (q) => q.where('id', '>', after as string))
      .orderBy('id')
      .limit(query.limit + 1)
      .execute()
    const page = toPage(rows, query.limit, (project) => [project.id])
    return { ...page, items: await Promise.all(page.items.map((row) => toProject(by, row))) }
  }

  async function read(by: Principal, ref: string): Promise<Project> {
    const row = await access.projectFor(by, ref)
    const count = async (noun: string) => (await counters.get(noun)?.(by, row.id)) ?? 0
    const counts = {
      datasets: await count('datasets'),
      goals: await count('goals'),
      models: await count('models'),
      endpoints: await count('endpoints'),
    }
    return { ...(await toProject(by, row)), counts }
  }

  async function create(by: Principal, input: z.output<typeof ProjectInput>): Promise<Project> {
    const row = await nameTakenIsConflict(
      'project',
      input.name,
      metadata.transaction((tx) => insertProject(tx, by, input)),
    )
    access.forgetRoles()
    return toProject(by, row)
  }

  async function change(by: Principal, ref: string, changes: Partial<z.output<typeof ProjectInput>>): Promise<Project> {
    const row = await access.projectFor(by, ref, 'projects:manage')
    const changed = metadata.transaction(async (tx) => {
      await authTables(tx)
        .updateTable('projects')
        .set({ ...changes, updated_at: Date.now() })
        .where('id', '=', row.id)
        .execute()
      await audit(tx, by, 'project.change', { target: row.id, project: row.id, facts: { ...changes } })
    })
    await nameTakenIsConflict('project', changes.name ?? row.name, changed)
    return read(by, row.id)
  }

  /** Puts a project, and with it all that is in it, out of sight. */
  async function remove(by: Principal, ref: string): Promise<void> {
    const row = await access.projectFor(by, ref, 'projects:manage')
    await metadata.transaction(async (tx) => {
      await authTables(tx).updateTable('projects').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'project.remove', { target: row.id, project: row.id, facts: { name: row.name } })
    })
    access.forgetRoles()
  }

  async function members(by: Principal, ref: string): Promise<Member[]> {
    const row = await access.projectFor(by, ref)
    const found = await authTables(metadata.db)
      .selectFrom('project_members')
      .leftJoin('users', (join) =>
        join.onRef('users.id', '=', 'project_members.member_id').on('project_members.kind', '=', 'user'),
      )
      .leftJoin('teams', (join) =>
        join.onRef('teams.id', '=', 'project_members.member_id').on('project_members.kind', '=', 'team'),
      )
      .select((eb) => ['kind', 'member_id as id', 'role', eb.fn.coalesce('users.name', 'teams.name').as('name')])
      .where('project_id', '=', row.id)
      .orderBy('kind')
      .orderBy('member_id')
      .execute()
    return found.map(({ kind, id, role, name }) => ({ kind, id, role, name: name ?? '' }))
  }

  async function setMember(
    by: Principal,
    ref: string,
    member: { kind: 'user' | 'team'; id: string; role: Role },
  ): Promise<Member[]> {
    const row = await access.projectFor(by, ref, 'projects:manage')
    const exists = await authTables(metadata.db)
      .selectFrom(member.kind === 'user' ? 'users' : 'teams')
      .select('id')
      .where('id', '=', member.id)
      .executeTakeFirst()
    if (!exists) throw notFound(member.kind, member.id)
    await metadata.transaction(async (tx) => {
      await authTables(tx)
        .insertInto('project_members')
        .values({ project_id: row.id, kind: member.kind, member_id: member.id, role: member.role })
        .onConflict((c) => c.columns(['project_id', 'kind', 'member_id']).doUpdateSet({ role: member.role }))
        .execute()
      await keepAnAdmin(tx, row.id)
      await audit(tx, by, 'project.set-member', { target: row.id, project: row.id, facts: { ...member } })
    })
    access.forgetRoles()
    return members(by, row.id)
  }

  async function removeMember(by: Principal, ref: string, memberId: string): Promise<Member[]> {
    const row = await access.projectFor(by, ref, 'projects:manage')
    await metadata.transaction(async (tx) => {
      await authTables(tx)
        .deleteFrom('project_members')
        .where('project_id', '=', row.id)
        .where('member_id', '=', memberId)
        .execute()
      await keepAnAdmin(tx, row.id)
      await audit(tx, by, 'project.remove-member', { target: row.id, project: row.id, facts: { member: memberId } })
    })
    access.forgetRoles()
    return members(by, row.id)
  }

  return {
    list,
    read,
    create,
    change,
    remove,
    members,
    setMember,
    removeMember,
    /** How many of a noun a principal sees in a project, for the project's page. */
    count(noun: 'datasets' | 'goals' | 'models' | 'endpoints', counter: (by: Principal, projectId: string) => Promise<number>) {
      counters.set(noun, counter)
    },
  }
}

async function keepAnAdmin(tx: Db, projectId: string): Promise<void> {
  const admin = await authTables(tx)
    .selectFrom('project_members')
    .select('member_id')
    .where('project_id', '=', projectId)
    .where('role', '=', 'admin')
    .executeTakeFirst()
  if (!admin) throw invalidInput('A project needs at least one admin. Make somebody else admin first.', { field: 'role' })
}

/** A project whose maker is its admin. */
export async function insertProject(tx: Db, by: Principal, input: z.output<typeof ProjectInput>): Promise<ProjectRow> {
  const now = Date.now()
  const row: ProjectRow = {
    id: newId('prj', now),
    name: input.name,
    description: input.description,
    visibility: input.visibility,
    owner_id: by.userId ?? '',
    created_at: now,
    updated_at: now,
    deleted_at: null,
  }
  await authTables(tx).insertInto('projects').values(row).execute()
  await authTables(tx)
    .insertInto('project_members')
    .values({ project_id: row.id, kind: 'user', member_id: row.owner_id, role: 'admin' })
    .execute()
  await audit(tx, by, 'project.create', {
    target: row.id,
    project: row.id,
    facts: { name: row.name, visibility: row.visibility },
  })
  return row
}
