import assert from 'node:assert/strict'
import type { Role } from '../../kernel/permissions.ts'
import { nobody, type Principal } from '../../kernel/principal.ts'
import type { Migration } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { resourceColumns, resourceIndexes, toResource } from './access.ts'
import { authMigrations } from './migrations.ts'
import { visibilities } from './schema.ts'
import { authWorld } from './testing.ts'

const things: Migration = {
  name: 'things-001-create',
  async up(db) {
    await db.schema.createTable('things').$call(resourceColumns).execute()
    await resourceIndexes(db, 'things')
  },
}
const migrations = [...authMigrations, things]

// Who sees what, and what role they act with: [visibility][principal].
const expected: Record<string, Record<string, string>> = {
  private: { nobody: '401', outsider: '404', viewer: '404', editor: '404', owner: 'editor', admin: 'admin', platform: 'admin' },
  team: {
    nobody: '401',
    outsider: '404',
    viewer: 'viewer',
    editor: 'editor',
    owner: 'editor',
    admin: 'admin',
    platform: 'admin',
  },
  institution: {
    nobody: '401',
    outsider: 'viewer',
    viewer: 'viewer',
    editor: 'editor',
    owner: 'editor',
    admin: 'admin',
    platform: 'admin',
  },
  public: {
    nobody: 'viewer',
    outsider: 'viewer',
    viewer: 'viewer',
    editor: 'editor',
    owner: 'editor',
    admin: 'admin',
    platform: 'admin',
  },
}

onEachDatabase('authorize, get, list and count agree for every principal and visibility', migrations, async (metadata) => {
  const { auth, admin, person, project } = await authWorld(metadata)
  await auth.settings.change(admin, { publicVisibility: true })
  const owner = await person('owner', 'editor')
  const people: Record<string, Principal> = {
    nobody,
    outsider: await person('outsider', null),
    viewer: await person('viewer', 'viewer'),
    editor: await person('editor', 'editor'),
    owner,
    admin: await person('admin', 'admin'),
    platform: admin,
  }
  for (const visibility of visibilities) {
    const row = await auth.access.newResource('goal', owner, project, { name: `a ${visibility} thing`, visibility })
    await metadata.db.insertInto('things').values(row).execute()
    for (const [who, principal] of Object.entries(people)) {
      const want = expected[visibility]![who]!
      const got = await strongest((role) => {
        const permission = ({ viewer: 'goals:read', editor: 'goals:write', admin: 'models:approve' } as const)[role]
        return auth.access.authorize(principal, permission, row)
      })
      assert.equal(got, want, `${who} on ${visibility}`)
      const sees = !/^4/.test(want)
      const listed = await metadata.db
        .selectFrom('things')
        .select('id')
        .where(auth.access.visibleTo(principal, 'things'))
        .execute()
      assert.equal(
        listed.some((found) => found.id === row.id),
        sees,
        `${who} lists ${visibility}`,
      )
      const byId = await auth.access.resolve('things', principal, row.id).then(toResource, (error) => error.code)
      assert.equal(byId === 'not_found', !sees, `${who} gets ${visibility}`)
    }
  }
})

async function strongest(attempt: (role: Role) => Promise<void>): Promise<string> {
  let got = ''
  for (const role of ['viewer', 'editor', 'admin'] as const) {
    const code = await attempt(role).then(
      () => null,
      (error) => error.code as string,
    )
    if (code === null) got = role
    else if (!got) return { unauthenticated: '401', not_found: '404', forbidden: '403' }[code] ?? code
  }
  return got
}

onEachDatabase('public is off until an administrator allows it', migrations, async (metadata) => {
  const { auth, admin, person, project } = await authWorld(metadata)
  const editor = await person('editor')
  const publish = () => auth.access.newResource('goal', editor, project, { name: 'a', visibility: 'public' })
  await assert.rejects(publish(), { code: 'precondition_failed' })
  await auth.settings.change(admin, { publicVisibility: true })
  const row = await publish()
  await metadata.db.insertInto('things').values(row).execute()
  assert.equal((await auth.access.resolve('things', nobody, row.id)).id, row.id)
  await auth.settings.change(admin, { publicVisibility: false })
  await assert.rejects(auth.access.resolve('things', nobody, row.id), { code: 'not_found' })
  await assert.rejects(auth.access.authorize(nobody, 'goals:read', row), { code: 'unauthenticated' })
})

onEachDatabase('a change of role or team acts at once', migrations, async (metadata) => {
  const { auth, admin, person, project } = await authWorld(metadata)
  const row = await auth.access.newResource('goal', admin, project, { name: 'a' })
  const member = await person('member', null)
  await assert.rejects(auth.access.authorize(member, 'goals:read', row), { code: 'not_found' })
  const team = await auth.teams.create(admin, { name: 'Lab' })
  await auth.projects.setMember(admin, project.id, { kind: 'team', id: team.id, role: 'editor' })
  await assert.rejects(auth.access.authorize(member, 'goals:read', row), { code: 'not_found' })
  await auth.teams.addMember(admin, 'Lab', member.userId!)
  await auth.access.authorize(member, 'goals:write', row)
  await auth.teams.removeMember(admin, 'Lab', member.userId!)
  await assert.rejects(auth.access.authorize(member, 'goals:read', row), { code: 'not_found' })
})

onEachDatabase('a scoped token does what its scopes say and no more', migrations, async (metadata) => {
  const { auth, admin, project } = await authWorld(metadata)
  const row = await auth.access.newResource('goal', admin, project, { name: 'a' })
  const scoped: Principal = { ...admin, scopes: ['goals:read'] }
  await auth.access.authorize(scoped, 'goals:read', row)
  await assert.rejects(auth.access.authorize(scoped, 'goals:write', row), { code: 'forbidden' })
  await assert.rejects(auth.access.authorize(scoped, 'users:manage'), { code: 'forbidden' })
  await assert.rejects(auth.tokens.create(scoped, { name: 'wider', scopes: null, expiresInDays: 1 }), { code: 'forbidden' })
})

onEachDatabase(
  'a name is looked for in the named project, then the default one, then wherever it is the only one',
  migrations,
  async (metadata) => {
    const { auth, admin, project } = await authWorld(metadata)
    const other = await auth.projects.create(admin, { name: 'Other', description: '', visibility: 'team' })
    const third = await auth.projects.create(admin, { name: 'Third', description: '', visibility: 'team' })
    const put = async (in_: { id: string }, name: string) => {
      const row = await auth.access.newResource('goal', admin, in_, { name })
      await metadata.db.insertInto('things').values(row).execute()
      return row.id
    }
    const here = await put(project, 'same')
    const there = await put(other, 'same')
    const only = await put(other, 'only')
    await put(other, 'twice')
    await put(third, 'twice')
    const find = async (ref: string, where?: string) => (await auth.access.resolve('things', admin, ref, where)).id
    assert.equal(await find('same'), here)
    assert.equal(await find('same', 'Other'), there)
    assert.equal(await find('only'), only)
    await assert.rejects(find('twice'), { code: 'conflict' })
    await assert.rejects(find('only', 'Third'), { code: 'not_found' })
    await assert.rejects(find('same', 'Absent'), { code: 'not_found' })
    assert.deepEqual((await auth.search.find(admin, 'same', 10)).length, 0)
    auth.search.registerTable('things', { noun: 'thing', permission: 'goals:read' })
    assert.deepEqual((await auth.search.find(admin, 'SAM', 10)).map((hit) => hit.id).sort(), [here, there].sort())
    assert.deepEqual(await auth.search.find(admin, '%', 10), [])
    assert.deepEqual(await auth.search.find(nobody, 'same', 10), [])
  },
)

onEachDatabase('a removed project takes what is in it out of sight', migrations, async (metadata) => {
  const { auth, admin } = await authWorld(metadata)
  const other = await auth.projects.create(admin, { name: 'Other', description: '', visibility: 'team' })
  const row = await auth.access.newResource('goal', admin, other, { name: 'a' })
  await metadata.db.insertInto('things').values(row).execute()
  await auth.projects.remove(admin, 'Other')
  await assert.rejects(auth.access.resolve('things', admin, row.id), { code: 'not_found' })
  await auth.projects.create(admin, { name: 'Other', description: '', visibility: 'team' })
})
