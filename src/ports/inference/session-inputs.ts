import type { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node'
import { invalidInput } from '../../kernel/errors.ts'
import type { PreparedItem } from './inference.ts'
import type { ModelShape, SignatureColumn } from './signature.ts'

type TensorType = typeof OnnxTensor
type Feeds = Record<string, OnnxTensor>

interface WantedInput {
  type: string
  /** Dimensions after the rows; null where any will do. */
  dimensions: (number | null)[]
  optional?: true
}

/** Compares the graph's inputs with the signature; answers the names that it has. */
export function checkInputs(session: InferenceSession, shape: ModelShape): ReadonlySet<string> {
  const wanted = wantedInputs(shape)
  for (const input of session.inputMetadata) {
    const want = wanted.get(input.name)
    if (!want)
      throw invalidInput(`The graph wants an input "${input.name}" that its signature does not have.`, { input: input.name })
    const found = input.isTensor ? input.shape.slice(1) : []
    const fits =
      input.isTensor &&
      input.type === want.type &&
      found.length === want.dimensions.length &&
      want.dimensions.every((size, i) => size === null || typeof found[i] !== 'number' || found[i] === size)
    if (!fits) {
      const is = input.isTensor ? `${input.type} [${input.shape.join(', ')}]` : 'not a tensor'
      const said = `${want.type} [rows, ${want.dimensions.map((size) => size ?? 'any').join(', ')}]`
      throw invalidInput(`The graph's input "${input.name}" is ${is}; its signature says ${said}.`, { input: input.name })
    }
  }
  for (const [name, { optional }] of wanted)
    if (!optional && !session.inputNames.includes(name))
      throw invalidInput(`The graph has no input "${name}" though its signature does.`, { input: name })
  return new Set(session.inputNames)
}

function wantedInputs({ numberColumns, stringColumns, media = [] }: ModelShape): Map<string, WantedInput> {
  const wanted = new Map<string, WantedInput>()
  if (numberColumns > 0) wanted.set('numbers', { type: 'float64', dimensions: [numberColumns] })
  if (stringColumns > 0) wanted.set('strings', { type: 'string', dimensions: [stringColumns] })
  const kinds = new Set(media.map(({ tensor }) => tensor))
  if (kinds.size < media.length)
    throw invalidInput(
      `The signature has several inputs of one kind (${media.map(({ name, tensor }) => `${name}: ${tensor}`).join(', ')}); a graph takes one of each.`,
    )
  for (const { tensor, size, channels = 3, samples = null } of media) {
    if (tensor === 'image') wanted.set('image', { type: 'uint8', dimensions: [size?.[0] ?? null, size?.[1] ?? null, channels] })
    if (tensor === 'audio') wanted.set('audio', { type: 'float32', dimensions: [samples] })
    if (tensor === 'tokens') {
      wanted.set('input_ids', { type: 'int64', dimensions: [null] })
      for (const name of ['attention_mask', 'token_type_ids'])
        wanted.set(name, { type: 'int64', dimensions: [null], optional: true })
    }
  }
  return wanted
}

/** Puts the prepared items of a run together: images and sounds of one shape, tokens filled to the longest. */
export function feedItems(
  feeds: Feeds,
  items: readonly PreparedItem[],
  about: { media: readonly SignatureColumn[]; names: ReadonlySet<string>; Tensor: TensorType },
): void {
  for (const input of about.media) {
    if (input.tensor === 'image') feedImages(feeds, items, input, about.Tensor)
    else if (input.tensor === 'audio') feedSounds(feeds, items, about.Tensor)
    else feedTokens(feeds, items, { ...about, pad: input.pad ?? 0 })
  }
}

function feedImages(feeds: Feeds, items: readonly PreparedItem[], { size, channels = 3 }: SignatureColumn, Tensor: TensorType) {
  const [height, width] = size!
  const each = height * width * channels
  const pixels = new Uint8Array(items.length * each)
  for (let r = 0; r < items.length; r++) pixels.set(items[r]!.image!, r * each)
  feeds.image = new Tensor('uint8', pixels, [items.length, height, width, channels])
}

function feedSounds(feeds: Feeds, items: readonly PreparedItem[], Tensor: TensorType) {
  const each = items[0]!.audio!.length
  const samples = new Float32Array(items.length * each)
  for (let r = 0; r < items.length; r++) samples.set(items[r]!.audio!, r * each)
  feeds.audio = new Tensor('float32', samples, [items.length, each])
}

function feedTokens(
  feeds: Feeds,
  items: readonly PreparedItem[],
  { names, Tensor, pad }: { names: ReadonlySet<string>; Tensor: TensorType; pad: number },
) {
  const rows = items.length
  const length = Math.max(1, ...items.map(({ tokens }) => tokens!.length))
  const ids = new BigInt64Array(rows * length).fill(BigInt(pad))
  const mask = new BigInt64Array(rows * length)
  for (let r = 0; r < rows; r++) {
    const { tokens } = items[r]!
    for (let i = 0; i < tokens!.length; i++) {
      ids[r * length + i] = BigInt(tokens![i]!)
      mask[r * length + i] = 1n
    }
  }
  feeds.input_ids = new Tensor('int64', ids, [rows, length])
  if (names.has('attention_mask')) feeds.attention_mask = new Tensor('int64', mask, [rows, length])
  if (names.has('token_type_ids')) feeds.token_type_ids = new Tensor('int64', new BigInt64Array(rows * length), [rows, length])
}

/** Rows of one key may be put together in one run: sounds of one length, and texts, of exactly one length where the graph cannot be told what is filling. */
export function shapeKey({ image, audio, tokens }: PreparedItem, isMasked: boolean): string {
  return `${image ? image.length : 0} ${audio ? audio.length : 0} ${!tokens || isMasked ? 0 : tokens.length}`
}
