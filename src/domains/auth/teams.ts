import type * as z from 'zod'
import { notFound } from '../../kernel/errors.ts'
import { isId, newId } from '../../kernel/ids.ts'
import { decodeCursor, type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from './access.ts'
import { audit } from './audit.ts'
import { nameTakenIsConflict } from './resource.ts'
import type { Team as TeamSchema } from './schema.ts'
import { authTables } from './tables.ts'

type Team = z.output<typeof TeamSchema>
export type TeamService = ReturnType<typeof teamService>

/** Teams: groups of people that projects give a role to. */
export function teamService({ metadata, access }: { metadata: Metadata; access: Access }) {
  const tables = () => authTables(metadata.db)

  async function find(ref: string) {
    const team = await tables()
      .selectFrom('teams')
      .selectAll()
      .where(isId(ref) ? 'id' : 'name', '=', ref)
      .executeTakeFirst()
    if (!team) throw notFound('team', ref)
    return team
  }

  async function withMembers(teams: { id: string; name: string; created_at: number }[]): Promise<Team[]> {
    if (teams.length === 0) return []
    const members = await tables()
      .selectFrom('team_members')
      .innerJoin('users', 'users.id', 'team_members.user_id')
      .select(['team_members.team_id as team', 'users.id as id', 'users.name as name'])
      .where(
        'team_members.team_id',
        'in',
        teams.map((team) => team.id),
      )
      .orderBy('users.name')
      .execute()
    return teams.map((team) => ({
      id: team.id,
      name: team.name,
      members: members.filter((member) => member.team === team.id).map(({ id, name }) => ({ id, name })),
      createdAt: toIso(team.created_at),
    }))
  }

  async function list(query: PageQuery): Promise<Page<Team>> {
    const after = query.cursor ? String(decodeCursor(query.cursor, ['string'])[0]) : null
    const rows = await tables()
      .selectFrom('teams')
      .selectAll()
      .$if(after !== null, (q) => q.where('id', '>', after as string))
      .orderBy('id')
      .limit(query.limit + 1)
      .execute()
    const page = toPage(rows, query.limit, (team) => [team.id])
    return { ...page, items: await withMembers(page.items) }
  }

  async function read(ref: string): Promise<Team> {
    return (await withMembers([await find(ref)]))[0]!
  }

  async function create(by: Principal, { name }: { name: string }): Promise<Team> {
    const team = { id: newId('team'), name, created_at: Date.now() }
    const created = metadata.transaction(async (tx) => {
      await authTables(tx).insertInto('teams').values(team).execute()
      await audit(tx, by, 'team.create', { target: team.id, facts: { name } })
    })
    await nameTakenIsConflict('team', name, created)
    return read(team.id)
  }

  async function rename(by: Principal, ref: string, { name }: { name: string }): Promise<Team> {
    const team = await find(ref)
    const renamed = metadata.transaction(async (tx) => {
      await authTables(tx).updateTable('teams').set({ name }).where('id', '=', team.id).execute()
      await audit(tx, by, 'team.rename', { target: team.id, facts: { before: team.name, after: name } })
    })
    await nameTakenIsConflict('team', name, renamed)
    return read(team.id)
  }

  async function remove(by: Principal, ref: string): Promise<void> {
    const team = await find(ref)
    await metadata.transaction(async (tx) => {
      await authTables(tx).deleteFrom('project_members').where('kind', '=', 'team').where('member_id', '=', team.id).execute()
      await authTables(tx).deleteFrom('teams').where('id', '=', team.id).execute()
      await audit(tx, by, 'team.remove', { target: team.id, facts: { name: team.name } })
    })
    access.forgetRoles()
  }

  async function addMember(by: Principal, ref: string, userId: string): Promise<Team> {
    const team = await find(ref)
    const user = await tables().selectFrom('users').select('id').where('id', '=', userId).executeTakeFirst()
    if (!user) throw notFound('user', userId)
    await metadata.transaction(async (tx) => {
      await authTables(tx)
        .insertInto('team_members')
        .values({ team_id: team.id, user_id: userId })
        .onConflict((c) => c.columns(['team_id', 'user_id']).doNothing())
        .execute()
      await audit(tx, by, 'team.add-member', { target: team.id, facts: { user: userId } })
    })
    access.forgetRoles()
    return read(team.id)
  }

  async function removeMember(by: Principal, ref: string, userId: string): Promise<Team> {
    const team = await find(ref)
    await metadata.transaction(async (tx) => {
      await authTables(tx).deleteFrom('team_members').where('team_id', '=', team.id).where('user_id', '=', userId).execute()
      await audit(tx, by, 'team.remove-member', { target: team.id, facts: { user: userId } })
    })
    access.forgetRoles()
    return read(team.id)
  }

  return { list, read, create, rename, remove, addMember, removeMember }
}
