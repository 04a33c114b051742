/** Small texts that only the platform itself may read: they are in no database, no blob, no reply. */
export interface Secrets {
  /** Keeps a text under an id of the platform's. */
  put(id: string, text: string): Promise<void>
  /** Null where there is none. */
  get(id: string): Promise<string | null>
}
