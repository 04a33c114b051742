import type { Events } from '../../kernel/events.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from './audit.ts'
import type { Settings } from './schema.ts'
import { authTables } from './tables.ts'

/** Everything that reaches out or opens up is off until an administrator turns it on. */
const defaults: Settings = {
  outboundHosts: [],
  publicVisibility: false,
  importFolders: [],
  captureShare: 1,
  servingMemoryMb: null,
}

const recheckMs = 2000

export interface SettingsService {
  get(): Promise<Settings>
  change(by: Principal, patch: Partial<Settings>): Promise<Settings>
}

export function settingsService({ metadata, events }: { metadata: Metadata; events: Events }): SettingsService {
  let known: { settings: Settings; at: number } | null = null
  events.on('settings.changed', () => {
    known = null
  })

  async function get(): Promise<Settings> {
    // Another process may have changed them: never older than two seconds.
    if (known && Date.now() - known.at < recheckMs) return known.settings
    const at = Date.now()
    const rows = await authTables(metadata.db).selectFrom('settings').selectAll().execute()
    const stored = Object.fromEntries(rows.map((row) => [row.key, JSON.parse(row.value)]))
    const settings = { ...defaults, ...stored } as Settings
    known = { settings, at }
    return settings
  }

  async function change(by: Principal, patch: Partial<Settings>): Promise<Settings> {
    const before = await get()
    await metadata.transaction(async (tx) => {
      for (const [key, value] of Object.entries(patch))
        await authTables(tx)
          .insertInto('settings')
          .values({ key, value: JSON.stringify(value) })
          .onConflict((c) => c.column('key').doUpdateSet({ value: JSON.stringify(value) }))
          .execute()
      const old = Object.fromEntries(Object.keys(patch).map((key) => [key, before[key as keyof Settings]]))
      await audit(tx, by, 'settings.change', { facts: { before: old, after: patch } })
    })
    for (const key of Object.keys(patch)) events.emit('settings.changed', { key })
    return get()
  }

  return { get, change }
}
