import type { GenerateSettings } from '@atoll/sdk'

/** The settings of writing as they are typed; null is as the endpoint has it. */
export interface Typed {
  maxTokens: number | null
  temperature: number | null
  topP: number | null
  topK: number | null
  seed: number | null
  /** One stop text a line. */
  stop: string
}

export const untouched: Typed = { maxTokens: null, temperature: null, topP: null, topK: null, seed: null, stop: '' }

/** What of the typed settings is sent. */
export function settingsOf({ stop, ...numbers }: Typed): GenerateSettings {
  const stops = stop.split('\n').filter((line) => line !== '')
  return {
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== null)),
    ...(stops.length > 0 && { stop: stops }),
  }
}
