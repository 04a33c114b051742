import type { Db } from '../metadata/metadata.ts'

/** Small texts that only the platform itself may read. At rest they are encrypted; what names one keeps its id alone. */
export interface Secrets {
  /** Keeps a text in the transaction of what will name it; answers the id to name it by. */
  put(tx: Db, text: string): Promise<string>
  /** Null where there is none of that id; refuses where no key here opens it. */
  get(id: string): Promise<string | null>
  drop(tx: Db, id: string): Promise<void>
}

/** How the secrets of an installation stand. */
export interface SecretsState {
  kept: number
  /** Sealed by a key that is not here. */
  unreadable: number
  /** Sealed by a key that is here, but is not the one that seals now. */
  older: number
  /** Where the keys come from, in words. */
  keysFrom: string
}
