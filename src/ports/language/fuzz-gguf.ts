import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isPlatformError } from '../../kernel/errors.ts'
import { readGguf } from './gguf-header.ts'
import { alphabetModel } from './testing.ts'

const numbers = [0n, 1n, 3n, 255n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

/** For tests: reads so many damaged heads of a model, each of which must give a head or a sentence. */
export async function readMutations(runs: number): Promise<void> {
  const model = alphabetModel()
  const head = Buffer.from(model.subarray(0, 12_000))
  const change = fc.record({ at: fc.nat(head.length - 9), value: fc.constantFrom(...numbers), width: fc.constantFrom(1, 4, 8) })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(head.length), async (changes, cut) => {
      const bytes = Buffer.from(cut % 3 === 0 ? head.subarray(0, cut) : head)
      for (const { at, value, width } of changes) {
        if (at + 8 > bytes.length) continue
        if (width === 8) bytes.writeBigUInt64LE(value, at)
        else if (width === 4) bytes.writeUInt32LE(Number(value & 0xffffffffn), at)
        else bytes[at] = Number(value & 0xffn)
      }
      await readGguf(async (start, end) => bytes.subarray(start, end), { path: 'model.gguf', sizeBytes: model.length }).then(
        (header) => assert.ok(header.tensors > 0 && Number.isFinite(header.contextBytesPerToken)),
        (error) => assert.ok(isPlatformError(error) && error.code === 'invalid_input', String(error?.stack)),
      )
    }),
    { numRuns: runs },
  )
}
