import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlatformError } from '../../kernel/errors.ts'
import { readMutations } from './fuzz-gguf.ts'
import { readGguf } from './gguf-header.ts'
import { alphabetModel, type Metadata, writeGguf } from './testing.ts'

const model = alphabetModel()
const read = (bytes: Buffer, sizeBytes = bytes.length) =>
  readGguf(async (start, end) => bytes.subarray(start, end), { path: 'model.gguf', sizeBytes })

test('the head of a model says what it is', async () => {
  const { weightBytes, ...header } = await read(model)
  assert.ok(weightBytes > 250_000 && weightBytes < model.length)
  assert.deepEqual(header, {
    version: 3,
    architecture: 'llama',
    name: 'alphabet',
    licence: 'apache-2.0',
    contextLength: 256,
    layers: 1,
    width: 64,
    pooling: null,
    contextBytesPerToken: 1 * 4 * 32 * 2,
    vocabulary: 261,
    tokenizer: 'gpt2',
    controlTokens: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
    chatTemplate: header.chatTemplate,
    tensors: 12,
    parameters: 261 * 64 * 2 + 64 * 3 + 64 * 64 * 4 + 64 * 128 * 3,
    storedAs: 'F32',
  })
  assert.match(header.chatTemplate!, /^\{% for message/)
})

const least: Metadata = {
  'general.architecture': 'llama',
  'llama.context_length': { uint32: 8 },
  'llama.embedding_length': { uint32: 32 },
  'llama.block_count': { uint32: 1 },
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.tokens': ['a', 'b'],
}
const tensor = { name: 't', shape: [32], values: new Float32Array(32) }
const small = writeGguf(least, [tensor])
const changed = (bytes: Buffer, at: number, value: bigint | number, bits: 32 | 64 = 64) => {
  const copy = Buffer.from(bytes)
  if (bits === 64) copy.writeBigUInt64LE(BigInt(value), at)
  else copy.writeUInt32LE(Number(value), at)
  return copy
}
/** Where the description of the only tensor begins: its name is one letter. */
const tensorAt = small.indexOf(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 't'.charCodeAt(0)]))
const sizeAt = tensorAt + 9 + 4

test('what no model can be is refused with a sentence that says what is wrong', async () => {
  await read(small)
  const two = writeGguf(least, [tensor, { ...tensor, name: 'u' }])
  const secondOffset = two.indexOf(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 'u'.charCodeAt(0)])) + 9 + 4 + 8 + 4
  const cases: [string, Buffer, RegExp, number?][] = [
    ['another format', Buffer.from('PK\x03\x04 and more'), /letters GGUF/],
    ['an old version', changed(small, 4, 1, 32), /version 1/],
    ['the other byte order', changed(small, 4, 0x03000000, 32), /version 50331648/],
    ['tensors without end', changed(small, 8, 2n ** 63n), /claims 9223372036854775808 tensors/],
    ['metadata without end', changed(small, 16, 2n ** 40n), /entries of metadata/],
    ['a key without end', changed(small, 24, 2n ** 32n), /bytes of a key/],
    ['a cut file', small.subarray(0, 200), /ends before its head does/],
    ['a tensor beyond the end', small, /"t" does not lie within it/, small.length - 1],
    ['a size that no file has', changed(small, sizeAt, 2n ** 60n), /larger than any file/],
    [
      'a shape that wraps to 4',
      writeGguf(least, [{ ...tensor, shape: [4194305, 4194305, 211106198978564] }]),
      /shape of the tensor "t" cannot be/,
    ],
    ['no numbers', changed(small, sizeAt, 0), /shape of the tensor "t"/],
    ['a type nobody knows', changed(small, sizeAt + 8, 77, 32), /not known \(77\)/],
    ['a block that does not fit', changed(changed(small, sizeAt, 31), sizeAt + 8, 8, 32), /rows of 31 numbers, which Q8_0/],
    ['a place between the lines', changed(small, sizeAt + 12, 5), /does not begin where its alignment/],
    ['a place beyond all numbers', changed(small, sizeAt + 12, 2n ** 64n - 32n), /larger than any file/],
    ['two in one place', changed(two, secondOffset, 0), /"t" and "u" overlap/],
    ['two of a name', writeGguf(least, [tensor, tensor]), /two tensors "t"/],
    ['no tensors', writeGguf(least, []), /no tensors/],
    ['an alignment of nothing', writeGguf({ ...least, 'general.alignment': { uint32: 0 } }, [tensor]), /alignment/],
    [
      'an alignment that is none',
      writeGguf({ ...least, 'general.alignment': { float32: Number.NaN } }, [tensor]),
      /no finite number/,
    ],
    [
      'an alignment without end',
      writeGguf({ ...least, 'general.alignment': { float32: Infinity } }, [tensor]),
      /no finite number/,
    ],
    ['an odd alignment', writeGguf({ ...least, 'general.alignment': { uint32: 48 } }, [tensor]), /alignment/],
    ['no architecture', writeGguf({ ...least, 'general.architecture': '../x' }, [tensor]), /what kind of network/],
    [
      'layers without end',
      writeGguf({ ...least, 'llama.block_count': { uint32: 2 ** 31 } }, [tensor]),
      /llama.block_count" is 2147483648/,
    ],
    ['no heads', writeGguf({ ...least, 'llama.attention.head_count': { uint32: 0 } }, [tensor]), /head_count" is 0/],
    ['no context', writeGguf({ ...least, 'llama.context_length': 'long' }, [tensor]), /context_length" is long/],
    ['no vocabulary', writeGguf({ ...least, 'tokenizer.ggml.tokens': [] }, [tensor]), /no vocabulary/],
    [
      'scores of others',
      writeGguf({ ...least, 'tokenizer.ggml.scores': new Float32Array(1) }, [tensor]),
      /2 tokens and 1 scores/,
    ],
    [
      'kinds of others',
      writeGguf({ ...least, 'tokenizer.ggml.token_type': new Int32Array(9) }, [tensor]),
      /2 tokens and 9 kinds/,
    ],
    [
      'a token that is not there',
      writeGguf({ ...least, 'tokenizer.ggml.eos_token_id': { uint32: 2 } }, [tensor]),
      /not in its vocabulary/,
    ],
    ['one part of several', writeGguf({ ...least, 'split.count': { uint32: 3 } }, [tensor]), /one part of several/],
  ]
  for (const [name, bytes, message, sizeBytes] of cases)
    await assert.rejects(
      read(bytes, sizeBytes),
      (error: Error) => {
        assert.ok(isPlatformError(error) && error.code === 'invalid_input', `${name}: ${error}`)
        assert.match(error.message, message, name)
        return true
      },
      name,
    )
  const twice = writeGguf({ ...least, 'general.alignmenu': { uint32: 64 }, 'general.alignment': { uint32: 64 } }, [tensor])
  twice.write('t', twice.indexOf('general.alignmenu') + 16)
  await assert.rejects(read(twice), /has "general.alignment" twice/)
})

test('a list that claims more texts than the file has bytes costs no memory', async () => {
  const claim = Buffer.from(small)
  const list = claim.indexOf('tokenizer.ggml.tokens') + 'tokenizer.ggml.tokens'.length + 8
  claim.writeBigUInt64LE(4n * 2n ** 20n, list)
  const before = process.memoryUsage().arrayBuffers
  await assert.rejects(read(claim), /ends before its head does/)
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 2 ** 20)
})

test('whatever the bytes are, the answer is a head or a sentence, soon', { timeout: 60_000 }, () => readMutations(4000))
