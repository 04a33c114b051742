import type { Db } from '../../../ports/metadata/metadata.ts'
import { authTables } from '../../auth/tables.ts'

const mostNamed = 3

/** Who may approve in a project, in words: its administrators, by themselves or by a team; else those of the platform. */
export async function approvers(db: Db, projectId: string): Promise<string> {
  const tables = authTables(db)
  const ofProject = await tables
    .selectFrom('users')
    .select('name')
    .distinct()
    .where('state', '!=', 'disabled')
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('project_members as m')
          .select('m.member_id')
          .where('m.project_id', '=', projectId)
          .where('m.role', '=', 'admin')
          .where((of) =>
            of.or([
              of.and([of('m.kind', '=', 'user'), of('m.member_id', '=', of.ref('users.id'))]),
              of.and([
                of('m.kind', '=', 'team'),
                of(
                  'm.member_id',
                  'in',
                  of.selectFrom('team_members').select('team_id').where('team_members.user_id', '=', of.ref('users.id')),
                ),
              ]),
            ]),
          ),
      ),
    )
    .orderBy('name')
    .execute()
  if (ofProject.length > 0) return `Administrators of the project may: ${listed(ofProject)}.`
  const ofPlatform = await tables
    .selectFrom('users')
    .select('name')
    .where('state', '!=', 'disabled')
    .where('is_platform_admin', '=', 1)
    .orderBy('name')
    .execute()
  return `The project has no administrator who could: make somebody one, or ask an administrator of the platform (${listed(ofPlatform)}).`
}

const listed = (people: readonly { name: string }[]): string => {
  const more = people.length - mostNamed
  const names = people.slice(0, mostNamed).map(({ name }) => name)
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ')
}
