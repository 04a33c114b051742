import { JobEvent, type JobEvent as JobEventValue } from './schema.ts'
import type { NewEvent } from './store.ts'

const types = new Set<string>(JobEvent.shape.type.options.filter((type) => type !== 'state'))

/** One line of `output/events.jsonl` as an event, or null when it is none: a job's file may hold anything. */
export function parseEngineEvent(line: string): NewEvent | null {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { type, at, ...data } = value as Record<string, unknown>
  if (typeof type !== 'string' || !types.has(type)) return null
  const time = typeof at === 'string' ? Date.parse(at) : Number.NaN
  return { type: type as JobEventValue['type'], data, ...(Number.isFinite(time) && { at: time }) }
}

/** An engine's progress with every field in place, whatever it left out. */
export function parseProgress(data: Record<string, unknown>) {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null)
  return {
    stage: String(data.stage ?? ''),
    done: number(data.done) ?? 0,
    of: number(data.of),
    etaSeconds: number(data.etaSeconds),
    message: typeof data.message === 'string' ? data.message : '',
  }
}
