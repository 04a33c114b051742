import type * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Mail, MailServer } from '../../ports/mail/mail.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Secrets } from '../../ports/secrets/secrets.ts'
import { audit } from './audit.ts'
import type { MailSettingsInput, Settings } from './schema.ts'
import { authTables } from './tables.ts'

/** Everything that reaches out or opens up is off until an administrator turns it on. */
const defaults: Settings = {
  mail: null,
  outboundHosts: [],
  publicVisibility: false,
  importFolders: [],
  captureShare: 1,
  servingMemoryMb: null,
}

const recheckMs = 2000

export type SettingsChange = Partial<Omit<Settings, 'mail'> & { mail: z.output<typeof MailSettingsInput> | null }>

export interface SettingsService {
  get(): Promise<Settings>
  change(by: Principal, patch: SettingsChange): Promise<Settings>
  /** The mail server with its password; null where no mail leaves. */
  mailServer(): Promise<MailServer | null>
  /** Whether mail to an address may leave: the server to give it to, or why not. */
  mailServerFor(address: string): Promise<MailServer>
  /** Sends a letter that says nothing but that it came; answers what the server said. */
  testMail(by: Principal, to: string): Promise<{ to: string; said: string }>
  /** Encrypts what was kept as it is before secrets were encrypted; answers how many. */
  sealPlain(): Promise<number>
}

/** The id of the secret, kept apart from the settings, which are shown. */
const passwordKey = 'mail.secret'
/** Where the password itself stood before secrets were encrypted. */
const plainPasswordKey = 'mail.password'

export interface SettingsNeeds {
  metadata: Metadata
  events: Events
  secrets: Secrets
  mail: Mail
}

export function settingsService({ metadata, events, secrets, mail: post }: SettingsNeeds): SettingsService {
  let known: { settings: Settings; at: number } | null = null
  events.on('settings.changed', () => {
    known = null
  })

  async function get(): Promise<Settings> {
    // Another process may have changed them: never older than two seconds.
    if (known && Date.now() - known.at < recheckMs) return known.settings
    const at = Date.now()
    const rows = await authTables(metadata.db).selectFrom('settings').selectAll().execute()
    const shown = rows.filter(({ key }) => key in defaults)
    const stored = Object.fromEntries(shown.map((row) => [row.key, JSON.parse(row.value)]))
    const settings = { ...defaults, ...stored } as Settings
    known = { settings, at }
    return settings
  }

  async function change(by: Principal, { mail, ...others }: SettingsChange): Promise<Settings> {
    const before = await get()
    const patch: Partial<Settings> = others
    const password = mail?.password
    if (mail !== undefined) patch.mail = mail === null ? null : shownMail(mail, before.mail)
    await metadata.transaction(async (tx) => {
      for (const [key, value] of Object.entries(patch)) await keep(tx, key, value)
      if (mail !== undefined && (password !== undefined || !patch.mail?.hasPassword)) await dropPassword(tx)
      if (password !== undefined) await keep(tx, passwordKey, await secrets.put(tx, password))
      const old = Object.fromEntries(Object.keys(patch).map((key) => [key, before[key as keyof Settings]]))
      await audit(tx, by, 'settings.change', { facts: { before: old, after: patch } })
    })
    for (const key of Object.keys(patch)) events.emit('settings.changed', { key })
    return get()
  }

  async function mailServer(): Promise<MailServer | null> {
    const { mail } = await get()
    if (mail === null) return null
    const secret = await stored(metadata.db, passwordKey)
    const { host, port, security, user, from } = mail
    return { host, port, security, user, from, password: secret === null ? null : await secrets.get(secret) }
  }

  async function mailServerFor(address: string): Promise<MailServer> {
    const server = await mailServer()
    if (!server)
      throw preconditionFailed('No mail leaves: an administrator has named no mail server in the settings.', { to: address })
    const domains = (await get()).mail?.domains ?? []
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
    if (domains.length > 0 && !domains.includes(domain))
      throw preconditionFailed(`Mail to ${domain} is not allowed by the settings.`, { to: address })
    return server
  }

  async function testMail(by: Principal, to: string): Promise<{ to: string; said: string }> {
    const server = await mailServerFor(to)
    await metadata.transaction((tx) => audit(tx, by, 'settings.test-mail', { facts: { to, host: server.host } }))
    const said = await post.send(server, {
      to,
      subject: 'Atoll can send mail',
      text: 'Somebody who administers Atoll asked for this letter, to see whether mail arrives. It does.\n',
      headers: { 'Auto-Submitted': 'auto-generated' },
    })
    return { to, said: said.slice(0, 500) }
  }

  async function dropPassword(tx: Db): Promise<void> {
    const secret = await stored(tx, passwordKey)
    if (secret !== null) await secrets.drop(tx, secret)
    await authTables(tx).deleteFrom('settings').where('key', '=', passwordKey).execute()
  }

  const sealPlain = (): Promise<number> =>
    metadata.transaction(async (tx) => {
      const plain = await stored(tx, plainPasswordKey)
      if (plain === null) return 0
      await keep(tx, passwordKey, await secrets.put(tx, plain))
      await authTables(tx).deleteFrom('settings').where('key', '=', plainPasswordKey).execute()
      return 1
    })

  return { get, change, mailServer, mailServerFor, testMail, sealPlain }
}

async function stored(db: Db, key: string): Promise<string | null> {
  const row = await authTables(db).selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst()
  return row ? (JSON.parse(row.value) as string) : null
}

const keep = (tx: Db, key: string, value: unknown) =>
  authTables(tx)
    .insertInto('settings')
    .values({ key, value: JSON.stringify(value) })
    .onConflict((c) => c.column('key').doUpdateSet({ value: JSON.stringify(value) }))
    .execute()

/** The mail server as it is shown. A password that was given for one server and user is not said to another. */
function shownMail({ password, ...mail }: z.output<typeof MailSettingsInput>, before: Settings['mail']): Settings['mail'] {
  const isSame = before?.host === mail.host && before.port === mail.port && before.user === mail.user
  const hasPassword = password !== undefined || (isSame && before.hasPassword)
  if (mail.security === 'none' && hasPassword)
    throw invalidInput('A password would be sent unencrypted. Choose "tls" or "starttls", or a server that wants none.', {
      field: 'mail',
    })
  return { ...mail, hasPassword }
}
