import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import type { Signature } from '../registry/schema.ts'
import type { CapturePolicy } from './schema.ts'

/** Refuses a policy that names what the model has not, or that takes away what it needs. */
export function refuseBadPolicy(
  { hide, hash, key }: z.output<typeof CapturePolicy>,
  { inputs }: Pick<Signature, 'inputs'>,
): void {
  const names = inputs.map(({ name }) => name)
  const unknown = hide.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw invalidInput(`The model has no input "${unknown}" to hide. It takes: ${names.join(', ')}.`, {
      field: 'capture.hide',
      column: unknown,
    })
  const unhashable = hash.find((name) => name !== key && !names.includes(name))
  if (unhashable !== undefined)
    throw invalidInput(`The model has no input "${unhashable}" to hash. It takes: ${names.join(', ')}.`, {
      field: 'capture.hash',
      column: unhashable,
    })
  const both = hash.find((name) => hide.includes(name))
  if (both !== undefined)
    throw invalidInput(`"${both}" is to be hidden and to be hashed: choose one.`, { field: 'capture.hash', column: both })
  const hashedFile = inputs.find(({ name, tensor }) => hash.includes(name) && (tensor === 'image' || tensor === 'audio'))
  if (hashedFile)
    throw invalidInput(`Of "${hashedFile.name}" (${hashedFile.type}) nothing but a hash is kept anyway.`, {
      field: 'capture.hash',
      column: hashedFile.name,
    })
  if (key !== null && hide.includes(key))
    throw invalidInput(`"${key}" cannot be hidden and be the key at once: nothing could be told by it. Hash it instead.`, {
      field: 'capture.key',
      column: key,
    })
  const file = inputs.find(({ name, tensor }) => name === key && (tensor === 'image' || tensor === 'audio'))
  if (file)
    throw invalidInput(`"${file.name}" is a file (${file.type}) and cannot be the key.`, {
      field: 'capture.key',
      column: file.name,
    })
}
