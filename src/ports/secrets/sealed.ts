import type { Kysely } from 'kysely'
import { newId } from '../../kernel/ids.ts'
import type { Db, Metadata } from '../metadata/metadata.ts'
import { seal, sealedBy, unseal } from './cipher.ts'
import type { SecretKeys } from './keys.ts'
import type { Secrets, SecretsState } from './secrets.ts'

interface SecretRow {
  id: string
  sealed: string
  created_at: number
}

const secretTables = (db: Db): Kysely<{ secrets: SecretRow }> => db

export interface SealedSecrets extends Secrets {
  /** Keeps a text under the id it already has, once. */
  adopt(tx: Db, id: string, text: string): Promise<void>
  state(): Promise<SecretsState>
  /** Seals everything with a new key, or with the first of those given; answers how many. */
  rotate(): Promise<{ sealed: number; key: string }>
}

/** Secrets as rows of the metadata database, each sealed and bound to its own id: a backup holds them, and nobody can read them without the key. */
export function sealedSecrets({ metadata, keys }: { metadata: Metadata; keys: SecretKeys }): SealedSecrets {
  async function keep(tx: Db, id: string, text: string): Promise<void> {
    const [key] = await keys.all()
    const row = { id, sealed: seal(key, text, id), created_at: Date.now() }
    await secretTables(tx)
      .insertInto('secrets')
      .values(row)
      .onConflict((c) => c.column('id').doNothing())
      .execute()
  }

  async function rotate(): Promise<{ sealed: number; key: string }> {
    await keys.addNew?.()
    const ring = await keys.all()
    const [key] = ring
    const sealed = await metadata.transaction(async (tx) => {
      const rows = await secretTables(tx).selectFrom('secrets').selectAll().execute()
      // All are opened before one is written: a missing key leaves everything as it was.
      const opened = rows.map(({ id, sealed }) => ({ id, text: unseal(ring, sealed, id) }))
      for (const { id, text } of opened)
        await secretTables(tx)
          .updateTable('secrets')
          .set({ sealed: seal(key, text, id) })
          .where('id', '=', id)
          .execute()
      return rows.length
    })
    await keys.dropOlder?.()
    return { sealed, key: key.id }
  }

  return {
    async put(tx, text) {
      const id = newId('sec')
      await keep(tx, id, text)
      return id
    },
    async get(id) {
      const row = await secretTables(metadata.db).selectFrom('secrets').select('sealed').where('id', '=', id).executeTakeFirst()
      return row ? unseal(await keys.all(), row.sealed, id) : null
    },
    async drop(tx, id) {
      await secretTables(tx).deleteFrom('secrets').where('id', '=', id).execute()
    },
    adopt: keep,
    rotate,
    async state() {
      const ring = await keys.all()
      const rows = await secretTables(metadata.db).selectFrom('secrets').select('sealed').execute()
      const by = rows.map(({ sealed }) => sealedBy(sealed))
      return {
        kept: rows.length,
        unreadable: by.filter((id) => !ring.some((key) => key.id === id)).length,
        older: by.filter((id) => ring.slice(1).some((key) => key.id === id)).length,
        keysFrom: keys.from,
      }
    },
  }
}
