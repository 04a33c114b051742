import { valueType } from './gguf-types.ts'

/** For tests: metadata of a GGUF file; a list of texts, of whole numbers or of numbers with a point is one of its lists. */
export type Metadata = Record<
  string,
  string | boolean | { uint32: number } | { float32: number } | string[] | Int32Array | Float32Array
>

/** For tests: a GGUF file (version 3, float32) of metadata and tensors. */
export function writeGguf(
  metadata: Metadata,
  tensors: readonly { name: string; shape: number[]; values: Float32Array }[],
): Buffer {
  const parts: Buffer[] = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(Object.keys(metadata).length)]
  for (const [key, value] of Object.entries(metadata)) parts.push(text(key), ...valueParts(value))
  let offset = 0
  for (const { name, shape, values } of tensors) {
    parts.push(text(name), uint32(shape.length), ...shape.map(uint64), uint32(0), uint64(offset))
    offset += padded(values.byteLength)
  }
  const head = Buffer.concat(parts)
  const data = tensors.map(({ values }) => {
    const bytes = Buffer.alloc(padded(values.byteLength))
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(bytes)
    return bytes
  })
  return Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), ...data])
}

const padded = (length: number): number => Math.ceil(length / 32) * 32
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const text = (value: string): Buffer => Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)])

function valueParts(value: Metadata[string]): Buffer[] {
  if (typeof value === 'string') return [uint32(valueType.string), text(value)]
  if (typeof value === 'boolean') return [uint32(valueType.bool), Buffer.from([value ? 1 : 0])]
  if (Array.isArray(value)) return [uint32(valueType.array), uint32(valueType.string), uint64(value.length), ...value.map(text)]
  if (value instanceof Int32Array || value instanceof Float32Array)
    return [
      uint32(valueType.array),
      uint32(value instanceof Int32Array ? valueType.int32 : valueType.float32),
      uint64(value.length),
      Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    ]
  if ('uint32' in value) return [uint32(valueType.uint32), uint32(value.uint32)]
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value.float32)
  return [uint32(valueType.float32), bytes]
}

export const chatTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

/** The characters by which byte-level BPE writes each byte (GPT-2's `bytes_to_unicode`). */
function byteCharacters(): string[] {
  const plain = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(plain(byte) ? byte : next++))
}

/**
 * For tests: a Llama of about half a megabyte that knows what follows each letter, so that anybody can say what it must write: after "a" comes "bcdefg" and
 * so on to "z", then the end. After a line break comes "a", after "=" the three bytes of "€" and a full stop. Every other byte is followed by the next one. `sure` is how much likelier the right letter is.
 * `words` are further tokens, and `after` says what else comes after a letter or a word. With `pooling` it makes vectors of texts instead (1: the mean of their tokens).
 */
export function alphabetModel({
  sure = 1,
  contextLength = 256,
  layers = 1,
  width = 64,
  words = [] as string[],
  after = {} as Record<string, string>,
  pooling = 0,
} = {}): Buffer {
  const special = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
  const letters = byteCharacters()
  const merges = ['Ġ Ġ', 'i n']
  const tokens = [...letters, ...special, ...merges.map((merge) => merge.replace(' ', '')), ...words]
  const [end, start, turn] = special.map((_, i) => 256 + i) as [number, number, number]
  const random = randomSigns(7)
  const embedding = new Float32Array(tokens.length * width).map(random)
  const output = new Float32Array(tokens.length * width)
  const row = (of: Float32Array, token: number) => of.subarray(token * width, (token + 1) * width)
  const code = (letter: string) => letter.charCodeAt(0)
  const numberOf = (token: string) => (token.length === 1 ? code(token) : tokens.indexOf(token))
  const successors = new Map([
    [code('z'), turn],
    [code('\n'), code('a')],
    [start, code('\n')],
    [code('='), 0xe2],
    [0xe2, 0x82],
    [0x82, 0xac],
    [0xac, code('.')],
    ...Object.entries(after).map((pair) => pair.map(numberOf) as [number, number]),
  ])
  for (let token = 0; token < tokens.length; token++) {
    const next = successors.get(token) ?? (token + 1) % 256
    const into = row(output, next)
    row(embedding, token).forEach((value, i) => {
      into[i]! += value * sure
    })
  }
  const ones = (length: number) => new Float32Array(length).fill(1)
  const zeros = (length: number) => new Float32Array(length)
  const small = randomSigns(11)
  const noise = (length: number) => new Float32Array(length).map(() => 0.01 * small())
  const hidden = 2 * width
  const tensors: { name: string; shape: number[]; values: Float32Array }[] = [
    { name: 'token_embd.weight', shape: [width, tokens.length], values: embedding },
    { name: 'output_norm.weight', shape: [width], values: ones(width) },
    { name: 'output.weight', shape: [width, tokens.length], values: output },
  ]
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, shape: number[], values: Float32Array) =>
      tensors.push({ name: `blk.${layer}.${name}.weight`, shape, values })
    add('attn_norm', [width], ones(width))
    add('attn_q', [width, width], noise(width * width))
    add('attn_k', [width, width], noise(width * width))
    add('attn_v', [width, width], noise(width * width))
    // What attention and the hidden layer find is computed, and then weighs nothing: only the last token decides.
    add('attn_output', [width, width], zeros(width * width))
    add('ffn_norm', [width], ones(width))
    add('ffn_gate', [width, hidden], noise(width * hidden))
    add('ffn_up', [width, hidden], noise(width * hidden))
    add('ffn_down', [hidden, width], zeros(width * hidden))
  }
  return writeGguf(
    {
      'general.architecture': 'llama',
      'general.name': 'alphabet',
      'general.license': 'apache-2.0',
      'llama.context_length': { uint32: contextLength },
      'llama.embedding_length': { uint32: width },
      'llama.block_count': { uint32: layers },
      ...(pooling > 0 && { 'llama.pooling_type': { uint32: pooling } }),
      'llama.feed_forward_length': { uint32: hidden },
      'llama.rope.dimension_count': { uint32: width / 4 },
      'llama.attention.head_count': { uint32: 4 },
      'llama.attention.head_count_kv': { uint32: 4 },
      'llama.attention.layer_norm_rms_epsilon': { float32: 1e-5 },
      'llama.vocab_size': { uint32: tokens.length },
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'gpt-2',
      'tokenizer.ggml.tokens': tokens,
      'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, i) =>
        i >= end && i <= turn ? 3 : words.includes(tokens[i]!) ? 4 : 1,
      ),
      'tokenizer.ggml.merges': merges,
      'tokenizer.ggml.eos_token_id': { uint32: turn },
      'tokenizer.ggml.add_bos_token': false,
      'tokenizer.chat_template': chatTemplate,
    },
    tensors,
  )
}

/** Ones and minus ones, the same each time (xorshift). */
function randomSigns(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 1 ? 1 : -1
  }
}
