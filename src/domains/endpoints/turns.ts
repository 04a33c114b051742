/** Work on one thing at a time, in the order asked for; on different things at once. */
export function turns() {
  const last = new Map<string, Promise<unknown>>()
  return async function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = last.get(id)
    const mine = before ? before.then(work, work) : work()
    const settled = mine.catch(() => {})
    last.set(id, settled)
    try {
      return await mine
    } finally {
      if (last.get(id) === settled) last.delete(id)
    }
  }
}
