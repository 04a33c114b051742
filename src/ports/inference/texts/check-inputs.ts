import type { InferenceSession } from 'onnxruntime-node'
import { invalidInput } from '../../../kernel/errors.ts'

/** Refuses a graph that wants what nobody gives it. */
export function checkInputs(what: string, session: InferenceSession, known: string[]): void {
  const strange = session.inputNames.find((name) => !known.includes(name))
  if (strange !== undefined)
    throw invalidInput(`The ${what}'s graph wants an input "${strange}"; known are ${known.join(', ')}.`, { input: strange })
}
