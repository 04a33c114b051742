import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NewEvent } from './store.ts'

const flushMs = 100
const eventsPerWrite = 200
const maxPending = 20_000
const maxLogEvents = 20_000
const maxOtherEvents = 200_000
const maxMessageCharacters = 8000
const maxDataCharacters = 64_000

/**
 * Gathers an attempt's events and hands them on in batches: one transaction a tenth of a second, not one an event.
 * What floods is capped, with a note in its place. Of several progress reports in a batch only the last is kept.
 */
export function eventBuffer(write: (events: NewEvent[], progress: NewEvent | null) => Promise<void>) {
  const pending: NewEvent[] = []
  let progress: NewEvent | null = null
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | null = null
  let logs = 0
  let others = 0
  let dropped = 0

  function add(event: NewEvent) {
    const at = event.at ?? Date.now()
    if (event.type === 'progress') progress = { ...event, at }
    else if (hasRoom(event.type)) pending.push(bounded({ ...event, at }))
    else if (dropped++ === 0) pending.push(note(at))
    if (pending.length >= eventsPerWrite) void flush()
    else timer ??= setTimeout(() => void flush(), flushMs)
  }

  /** Also when it is far ahead of the database: what comes until that has caught up is counted, not kept. */
  function hasRoom(type: string): boolean {
    const room = type === 'log' ? ++logs <= maxLogEvents : ++others <= maxOtherEvents
    return room && pending.length < maxPending
  }

  /** Writes what there is, in order, a batch at a time; between batches others have their turn. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing ??= (async () => {
      while (pending.length > 0 || progress !== null) {
        const events = pending.splice(0, eventsPerWrite)
        const last = pending.length === 0 ? progress : null
        if (last) {
          events.push(last)
          progress = null
        }
        await write(events, last)
        await nextTurn()
      }
    })().finally(() => {
      writing = null
    })
    return writing
  }

  return {
    add,
    flush,
    /** Flushes, with a last word on what was not kept. */
    async end() {
      if (dropped > 1)
        pending.push({ type: 'log', at: Date.now(), data: { level: 'warning', message: `${dropped} lines were not kept.` } })
      // A flush that is just ending may have looked before the last of them came.
      while (pending.length > 0 || progress !== null) await flush()
    },
  }
}

export type EventBuffer = ReturnType<typeof eventBuffer>

const note = (at: number): NewEvent => ({
  type: 'log',
  at,
  data: { level: 'warning', message: 'The job reports too much: further lines are not kept.' },
})

function bounded(event: NewEvent): NewEvent {
  const { message } = event.data
  const data =
    typeof message === 'string' && message.length > maxMessageCharacters
      ? { ...event.data, message: `${message.slice(0, maxMessageCharacters)}…` }
      : event.data
  if (JSON.stringify(data).length <= maxDataCharacters) return { ...event, data }
  return {
    ...event,
    data: { tooLarge: true, message: `A ${event.type} event of more than ${maxDataCharacters} characters was left out.` },
  }
}
