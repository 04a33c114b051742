import type { Permission } from './permissions.ts'

/** Who is asking, by whatever credential. The same for every façade. */
export interface Principal {
  /** null: nobody is signed in (only public resources and `anyone` permissions). */
  userId: string | null
  name: string
  isPlatformAdmin: boolean
  credential: { kind: 'none' | 'session' | 'token' | 'system'; id: string | null }
  /** null: everything the user may do. Otherwise only these (a scoped token). */
  scopes: readonly Permission[] | null
}

export const nobody: Principal = {
  userId: null,
  name: 'nobody',
  isPlatformAdmin: false,
  credential: { kind: 'none', id: null },
  scopes: null,
}
