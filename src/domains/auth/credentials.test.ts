import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from './migrations.ts'
import { checkPassword } from './passwords.ts'
import { isTokenSecret, newTokenSecret } from './secrets.ts'
import { signInDelays } from './sign-in-delays.ts'
import { authTables } from './tables.ts'
import { authWorld } from './testing.ts'

const long = 'ochre tangled violin umbrella'

test('a token that was not copied whole is known without asking the database', () => {
  const secret = newTokenSecret()
  assert.match(secret, /^atoll_pat_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/)
  assert.ok(isTokenSecret(secret))
  assert.ok(!isTokenSecret(secret.slice(0, -1)))
  const at = 15
  assert.ok(!isTokenSecret(secret.slice(0, at) + (secret[at] === 'a' ? 'b' : 'a') + secret.slice(at + 1)))
})

onEachDatabase('no secret is stored, and each is shown once', authMigrations, async (metadata) => {
  const { auth, admin } = await authWorld(metadata)
  const token = await auth.tokens.create(admin, { name: 'mine', scopes: null, expiresInDays: 1 })
  const link = await auth.signIn.makeLink(admin, admin.userId!, 60_000)
  const session = await auth.signIn.byLink(link.secret, 'here')
  const dump = JSON.stringify(
    await Promise.all(
      ['tokens', 'sessions', 'sign_in_links', 'audit'].map((t) => metadata.db.selectFrom(t).selectAll().execute()),
    ),
  )
  for (const secret of [token.secret, link.secret, session.secret]) assert.ok(!dump.includes(secret))
  assert.ok(!JSON.stringify(await auth.tokens.list(admin, { limit: 10 })).includes(token.secret))
})

onEachDatabase('disabling a person ends every credential at once', authMigrations, async (metadata) => {
  const { auth, admin, person } = await authWorld(metadata)
  const eve = await person('Eve')
  const token = await auth.tokens.create(eve, { name: 't', scopes: null, expiresInDays: 1 })
  const session = await auth.signIn.byLink((await auth.signIn.makeLink(admin, eve.userId!, 60_000)).secret, 'here')
  const link = await auth.signIn.makeLink(admin, eve.userId!, 60_000)
  assert.equal((await auth.credentials.identify('token', token.secret))?.userId, eve.userId)
  assert.equal((await auth.credentials.identify('session', session.secret))?.userId, eve.userId)
  await auth.users.change(admin, eve.userId!, { state: 'disabled' })
  assert.equal(await auth.credentials.identify('token', token.secret), null)
  assert.equal(await auth.credentials.identify('session', session.secret), null)
  await assert.rejects(auth.signIn.byLink(link.secret, 'here'), { code: 'unauthenticated' })
  await assert.rejects(auth.users.principal(eve.userId!), { code: 'forbidden' })
  await auth.users.change(admin, eve.userId!, { state: 'active' })
  assert.equal(await auth.credentials.identify('token', token.secret), null, 'enabling again brings no old credential back')
})

onEachDatabase('a revoked, expired or wrong token is nobody; a session secret is no token', authMigrations, async (metadata) => {
  const { auth, admin } = await authWorld(metadata)
  const token = await auth.tokens.create(admin, { name: 't', scopes: ['goals:read'], expiresInDays: 1 })
  assert.deepEqual((await auth.credentials.identify('token', token.secret))?.scopes, ['goals:read'])
  const hit = auth.credentials.identify('token', token.secret)
  assert.ok(hit && !(hit instanceof Promise), 'a known token is answered at once')
  assert.equal(await auth.credentials.identify('session', token.secret), null)
  assert.equal(await auth.credentials.identify('token', newTokenSecret()), null)
  await auth.tokens.revoke(admin, token.id)
  assert.equal(await auth.credentials.identify('token', token.secret), null)
  const old = await auth.tokens.create(admin, { name: 'old', scopes: null, expiresInDays: 1 })
  await authTables(metadata.db)
    .updateTable('tokens')
    .set({ expires_at: Date.now() - 1 })
    .where('id', '=', old.id)
    .execute()
  assert.equal(await auth.credentials.identify('token', old.secret), null)
})

onEachDatabase('a session ends after idling, at its limit, and when it is ended', authMigrations, async (metadata) => {
  const { auth, admin } = await authWorld(metadata)
  const open = async () => auth.signIn.byLink((await auth.signIn.makeLink(admin, admin.userId!, 60_000)).secret, 'here')
  const days = 86_400_000
  for (const values of [{ last_used_at: Date.now() - 4 * days }, { expires_at: Date.now() - 1 }]) {
    const session = await open()
    await authTables(metadata.db).updateTable('sessions').set(values).where('id', '=', session.principal.credential.id!).execute()
    assert.equal(await auth.credentials.identify('session', session.secret), null)
  }
  const session = await open()
  assert.ok(await auth.credentials.identify('session', session.secret))
  await auth.endSession(session.principal)
  assert.equal(await auth.credentials.identify('session', session.secret), null)
})

onEachDatabase('a link signs in once, for a while, and only the newest works', authMigrations, async (metadata) => {
  const { auth, admin } = await authWorld(metadata)
  const first = await auth.signIn.makeLink(admin, admin.userId!, 60_000)
  const second = await auth.signIn.makeLink(admin, admin.userId!, 60_000)
  await assert.rejects(auth.signIn.byLink(first.secret, 'here'), { code: 'unauthenticated' })
  const both = await Promise.allSettled([auth.signIn.byLink(second.secret, 'here'), auth.signIn.byLink(second.secret, 'here')])
  assert.deepEqual(both.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
  const late = await auth.signIn.makeLink(admin, admin.userId!, -1)
  await assert.rejects(auth.signIn.byLink(late.secret, 'here'), { code: 'unauthenticated' })
})

onEachDatabase('a password signs in, and changing it ends the other sessions', authMigrations, async (metadata) => {
  const { auth, admin } = await authWorld(metadata)
  await auth.users.change(admin, admin.userId!, { email: 'Ada@Example.org' })
  const open = async () => auth.signIn.byLink((await auth.signIn.makeLink(admin, admin.userId!, 60_000)).secret, 'here')
  const other = await open()
  const mine = await open()
  await assert.rejects(auth.signIn.setPassword(mine.principal, { password: 'too short' }, 'here'), { code: 'invalid_input' })
  await auth.signIn.setPassword(mine.principal, { password: long }, 'here')
  assert.equal(await auth.credentials.identify('session', other.secret), null)
  assert.ok(await auth.credentials.identify('session', mine.secret))
  assert.ok((await auth.signIn.byPassword('ada@example.org', long, 'here')).secret)
  const messages = new Set<string>()
  for (const [email, password] of [
    ['ada@example.org', 'wrong password here'],
    ['nobody@example.org', long],
  ] as const)
    await auth.signIn.byPassword(email, password, 'there').catch((error) => messages.add(error.message))
  assert.equal(messages.size, 1, 'the same words for a wrong password and an unknown person')
  await assert.rejects(auth.signIn.setPassword(mine.principal, { password: `${long} 2`, current: 'wrong' }, 'here'), {
    code: 'forbidden',
  })
})

test('failed sign-ins are slowed down by account and address, the same for accounts that do not exist', () => {
  let now = 0
  const delays = signInDelays(() => now)
  for (let i = 0; i < 5; i++) {
    delays.check('eve', 'a')
    delays.failed('eve', 'a')
  }
  assert.throws(() => delays.check('eve', 'a'), { code: 'rate_limited' })
  delays.check('eve', 'b')
  delays.check('bob', 'a')
  now += 1000
  delays.check('eve', 'a')
  delays.failed('eve', 'a')
  now += 1000
  assert.throws(() => delays.check('eve', 'a'), /in 1 s/)
  now += 1000
  delays.succeeded('eve', 'a')
  delays.check('eve', 'a')
})

test('guessable passwords are refused with the reason', () => {
  const about = { name: 'Grace Hopper', email: 'grace@navy.example' }
  for (const weak of [
    'short one',
    'aaaaaaaaaaaaaaaa',
    'passwordpassword',
    'Password12345678',
    'qwertyuiop123456',
    'gracehopper2026!',
    'abcabcabcabcabcabc',
  ])
    assert.throws(() => checkPassword(weak, about), { code: 'invalid_input' }, weak)
  checkPassword(long, about)
  checkPassword('Zq7#mW9!xLp2@vRt', about)
})
