import { AsyncLocalStorage } from 'node:async_hooks'
import type { KyselyPlugin } from 'kysely'
import { translateDatabaseError } from './database-errors.ts'
import type { Db } from './metadata.ts'

const current = new AsyncLocalStorage<{ open: boolean }>()

/** Runs one transaction, and turns what the database says into the platform's errors. */
export async function runTransaction<T>(own: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  if (current.getStore()?.open) throw new Error('A transaction is already open here: pass its tx on instead of opening another.')
  const mark = { open: true }
  try {
    return await current.run(mark, () => own.transaction().execute(work))
  } catch (error) {
    throw translateDatabaseError(error)
  } finally {
    mark.open = false
  }
}

/** The outer database refuses work while a transaction is open in the same call: on SQLite it would wait for itself for ever. */
export const guardOuterDb = (own: Db): Db => own.withPlugin(guard)

const guard: KyselyPlugin = {
  transformQuery({ node }) {
    if (current.getStore()?.open) throw new Error('Inside a transaction use the tx it gives, not the outer database.')
    return node
  },
  transformResult: async ({ result }) => result,
}
