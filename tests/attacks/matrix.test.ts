/** Who may do what: six kinds of people and the owner, four visibilities, every route of a resource. Generated from the routes and the tables themselves. */
import assert from 'node:assert/strict'
import type * as z from 'zod'
import { visibilities } from '../../src/domains/auth/schema.ts'
import { newId } from '../../src/kernel/ids.ts'
import { permissions, type Role, roles } from '../../src/kernel/permissions.ts'
import type { RouteRecord } from '../../src/kernel/route.ts'
import { onEachPlatform, type World } from '../platform-world.ts'
import { resourceTables, rowMaker } from './rows.ts'
import { sampleBody } from './sample-body.ts'

type Who = 'nobody' | 'outsider' | 'viewer' | 'editor' | 'owner' | 'admin' | 'platform'
type Outcome = 401 | 403 | 404 | 'allowed' | 'no body'

const rolesOf: Record<Exclude<Who, 'nobody'>, Role | null> = {
  outsider: null,
  viewer: 'viewer',
  editor: 'editor',
  owner: 'editor',
  admin: 'admin',
  platform: 'admin',
}

function sees(who: Who, visibility: string, publicIsOn: boolean): boolean {
  if (who === 'nobody') return publicIsOn && visibility === 'public'
  if (who === 'owner' || who === 'admin' || who === 'platform') return true
  if (visibility === 'team') return rolesOf[who] !== null
  return visibility !== 'private'
}

function expected(who: Who, visibility: string, needed: Role, publicIsOn: boolean): Outcome {
  if (who === 'nobody') return needed === 'viewer' && sees(who, visibility, publicIsOn) ? 'allowed' : 401
  if (!sees(who, visibility, publicIsOn)) return 404
  return roles.indexOf(rolesOf[who] ?? 'viewer') < roles.indexOf(needed) ? 403 : 'allowed'
}

/** Bodies where the smallest that the schema takes is refused for another reason. It is the decision which is to answer, not the form. */
const bodies: Record<string, unknown> = {
  'POST /v1/endpoints/:endpoint/predict': { rows: [{}] },
  'POST /v1/endpoints/:endpoint/generate': { prompt: 'x' },
  'POST /v1/endpoints/:endpoint/truth': { items: [{ id: 'x', value: 'x' }] },
  'POST /v1/endpoints/:endpoint/explain': { rows: [{}] },
  'POST /v1/endpoints/:endpoint/gradients': { rows: [{}] },
  'POST /v1/models/:model/versions/:version/gradients': { rows: [{}] },
  'POST /v1/models/:model/versions/:version/explain': { rows: [{}] },
}

onEachPlatform('the decision on every route of every resource is the one in the table', async (world) => {
  const { platform, call } = world
  const tables = await resourceTables(platform.metadata)
  assert.ok(tables.length >= 6, `saw ${tables.map((table) => table.name)}`)
  const tokens = await people(world)
  const makeRow = await rowMaker(world, tables, { withVersions: true })
  let decisions = 0
  const wrong: string[] = []
  for (const publicIsOn of [false, true]) {
    await call('PATCH', '/v1/settings', { body: { publicVisibility: publicIsOn } })
    for (const table of tables) {
      const routes = platform.routes.filter((route) => route.path.startsWith(`/v1/${table.name.replaceAll('_', '-')}/:`))
      assert.ok(routes.length > 0, `the resource ${table.name} has routes`)
      for (const visibility of publicIsOn ? (['public'] as const) : visibilities) {
        const lasting = await makeRow(table, tokens.owner.id, visibility)
        for (const route of routes) {
          const needed = permissions[route.permission] as Role
          assert.ok(roles.includes(needed), `${route.path} asks for a role`)
          for (const who of Object.keys(tokens) as Who[]) {
            const id = route.method === 'GET' ? lasting : await makeRow(table, tokens.owner.id, visibility)
            if (route.path.endsWith('/restore')) await putInBin(world, table.name, id)
            const want = expected(who, visibility, needed, publicIsOn)
            const got = await decide(world, route, { id, token: tokens[who].token })
            if (got !== want)
              wrong.push(
                `${who}: ${route.method} ${route.path} on ${visibility}${publicIsOn ? ', public allowed' : ''}: ${got}, not ${want}`,
              )
            decisions++
          }
        }
      }
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(decisions > 700, `${decisions} decisions`)
})

onEachPlatform('lists, search and counts show exactly what may be seen', async (world) => {
  const { platform, call } = world
  const tables = await resourceTables(platform.metadata)
  const tokens = await people(world)
  const makeRow = await rowMaker(world, tables)
  for (const table of tables) {
    const ids = new Map<string, string>()
    for (const visibility of visibilities)
      ids.set(await makeRow(table, tokens.owner.id, visibility, 'needle in a haystack'), visibility)
    for (const who of Object.keys(tokens) as Who[]) {
      if (who === 'nobody') continue
      const want = [...ids].filter(([, visibility]) => sees(who, visibility, false)).map(([id]) => id)
      const path = `/v1/${table.name.replaceAll('_', '-')}`
      const listed = await call('GET', `${path}?limit=500`, { token: tokens[who].token })
      assert.equal(listed.status, 200, `${who}: ${path} ${listed.text.slice(0, 300)}`)
      const seen = listed.json.items.map((item: { id: string }) => item.id).filter((id: string) => ids.has(id))
      assert.deepEqual(seen.sort(), want.sort(), `${who} lists ${table.name}`)
      const found = await call('GET', '/v1/search?q=needle%20in&limit=50', { token: tokens[who].token })
      const hits = found.json.items.map((item: { id: string }) => item.id).filter((id: string) => ids.has(id))
      assert.ok(
        hits.every((id: string) => want.includes(id)),
        `${who} finds only what they see of ${table.name}`,
      )
    }
    await platform.metadata.db
      .updateTable(table.name)
      .set({ deleted_at: Date.now() })
      .where('id', 'in', [...ids.keys()])
      .execute()
  }
})

onEachPlatform('what one may not see answers as what is not there', async (world) => {
  const tables = await resourceTables(world.platform.metadata)
  const tokens = await people(world)
  const makeRow = await rowMaker(world, tables)
  for (const table of tables) {
    const foreign = await makeRow(table, tokens.owner.id, 'private')
    const absent = newId(foreign.slice(0, foreign.indexOf('_')) as never)
    const path = `/v1/${table.name.replaceAll('_', '-')}`
    const [one, two] = await Promise.all(
      [foreign, absent].map((id) => world.call('GET', `${path}/${id}`, { token: tokens.viewer.token })),
    )
    assert.equal(one?.status, 404)
    assert.equal(one?.text.replaceAll(foreign, 'ID'), two?.text.replaceAll(absent, 'ID'), table.name)
  }
})

const putInBin = ({ platform }: World, table: string, id: string) =>
  platform.metadata.db.updateTable(table).set({ deleted_at: Date.now() }).where('id', '=', id).execute()

async function people(world: World): Promise<Record<Who, { id: string; token: string | null }>> {
  const made: Partial<Record<Who, { id: string; token: string | null }>> = { nobody: { id: '', token: null } }
  for (const who of ['outsider', 'viewer', 'editor', 'owner', 'admin'] as const) made[who] = await world.person(who, rolesOf[who])
  made.platform = { id: '', token: world.token }
  return made as Record<Who, { id: string; token: string | null }>
}

async function decide(world: World, route: RouteRecord, { id, token }: { id: string; token: string | null }): Promise<Outcome> {
  const path = route.path
    .replace(/:\w+/, id)
    .replace(':version', '1')
    .replace(/:\w+|\*$/g, 'absent')
  const name = `${route.method} ${route.path}`
  const takesJson = route.body !== undefined && route.body !== 'bytes'
  // What the query must hold, as the body; an optional one stays away.
  const query = route.query ? new URLSearchParams(sampleBody(route.query) as Record<string, string>).toString() : ''
  const response = await fetch(`${world.server.url}${path}${query && `?${query}`}`, {
    method: route.method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(takesJson && { 'content-type': 'application/json' }) },
    ...(takesJson && { body: JSON.stringify(bodies[name] ?? sampleBody(route.body as z.ZodType)) }),
  })
  if (response.ok) {
    await response.body?.cancel()
    return 'allowed'
  }
  const { error } = (await response.json()) as { error: { code: string; message: string; facts: Record<string, unknown> } }
  if (response.status === 400 && (error.facts.in === 'body' || error.facts.in === 'query')) return 'no body'
  // Something of the thing is not there: then the thing itself was seen.
  if (response.status === 404 && error.facts.ref !== id) return 'allowed'
  return response.status === 401 || response.status === 403 || response.status === 404 ? response.status : 'allowed'
}
