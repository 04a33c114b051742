import { invalidInput } from '../../kernel/errors.ts'
import { Cursor, NeedMore, shown } from './gguf-cursor.ts'
import { readMetadata } from './gguf-metadata.ts'
import { tensorTypes } from './gguf-types.ts'

/** What the head of a GGUF file says of the model in it. */
export interface GgufHeader {
  version: number
  /** The family of networks, as llama.cpp calls it: llama, qwen2, gemma, … */
  architecture: string
  name: string | null
  licence: string | null
  /** Tokens that the model was trained to see at once. */
  contextLength: number
  layers: number
  /** Numbers of a token's vector. */
  width: number
  /** How the vectors of a text's tokens become one, where the model was made for that; null where it was made to write. */
  pooling: 'mean' | 'first' | 'last' | null
  /** Bytes that a token of the context takes while text is made (keys and values in half precision). */
  contextBytesPerToken: number
  vocabulary: number
  /** Of `tokenizer.ggml.model`: gpt2 (byte-level BPE), llama (SentencePiece), … */
  tokenizer: string
  /** Texts of tokens that steer (begin, end, turns): never to be had by typing them. */
  controlTokens: string[]
  chatTemplate: string | null
  tensors: number
  /** Numbers in all tensors. */
  parameters: number
  weightBytes: number
  /** How most of the weights are stored: F32, F16, Q8_0, Q4_K, … */
  storedAs: string
}

/** Nothing real has more: the largest vocabularies take about 15 MB. */
const mostHeaderBytes = 64 * 2 ** 20
const firstBytes = 2 ** 20
const mostTensors = 65_536
const mostMetadata = 8_192
const longestTensorName = 63

/**
 * Reads the head of a GGUF file and checks it before any native code sees the file: counts, lengths, types, alignment, and that every tensor
 * lies within the file and in no other's place. Refuses with a sentence. Format: github.com/ggml-org/ggml, docs/gguf.md.
 */
export async function readGguf(
  read: (start: number, end: number) => Promise<Uint8Array>,
  file: { path: string; sizeBytes: number },
): Promise<GgufHeader> {
  const most = Math.min(file.sizeBytes, mostHeaderBytes)
  for (let length = Math.min(most, firstBytes); ; length = Math.min(most, length * 4)) {
    try {
      return parseGguf(Buffer.from(await read(0, length)), file)
    } catch (error) {
      if (!(error instanceof NeedMore)) throw error
      if (length < most) continue
      throw refusal(
        file.path,
        length < file.sizeBytes ? 'its head is larger than that of any model' : 'it ends before its head does',
      )
    }
  }
}

/** The head from the first bytes of a file; throws `NeedMore` where they are not enough. */
export function parseGguf(bytes: Buffer, { path, sizeBytes }: { path: string; sizeBytes: number }): GgufHeader {
  const wrong = (why: string) => refusal(path, why)
  const at = new Cursor(bytes, wrong)
  if (at.bytes(4).toString('latin1') !== 'GGUF') throw wrong('it does not begin with the letters GGUF')
  const version = at.uint32()
  if (version !== 2 && version !== 3) throw wrong(`its version ${version} is not known (2 and 3 are)`)
  const tensorCount = at.count(mostTensors, 'tensors')
  const metadataCount = at.count(mostMetadata, 'entries of metadata')
  const facts = readMetadata(at, metadataCount, wrong)

  const names = new Set<string>()
  const places: { name: string; start: number; end: number }[] = []
  const bytesByType = new Map<string, number>()
  let parameters = 0
  for (let i = 0; i < tensorCount; i++) {
    const name = at.text(longestTensorName, 'the name of a tensor')
    if (names.has(name)) throw wrong(`there are two tensors "${shown(name)}"`)
    names.add(name)
    const dimensions = at.uint32()
    if (dimensions < 1 || dimensions > 4) throw wrong(`the tensor "${shown(name)}" has ${dimensions} dimensions`)
    let numbers = 1
    let width = 0
    for (let d = 0; d < dimensions; d++) {
      const size = at.uint64()
      if (d === 0) width = size
      numbers *= size
      if (size < 1 || numbers > Number.MAX_SAFE_INTEGER) throw wrong(`the shape of the tensor "${shown(name)}" cannot be`)
    }
    const code = at.uint32()
    const type = tensorTypes.get(code)
    if (!type) throw wrong(`the tensor "${shown(name)}" is stored in a way that is not known (${code})`)
    if (width % type.block !== 0)
      throw wrong(`the tensor "${shown(name)}" has rows of ${width} numbers, which ${type.name} cannot hold`)
    const size = (numbers / type.block) * type.bytes
    const start = at.uint64()
    if (start % facts.alignment !== 0) throw wrong(`the tensor "${shown(name)}" does not begin where its alignment says`)
    places.push({ name, start, end: start + size })
    bytesByType.set(type.name, (bytesByType.get(type.name) ?? 0) + size)
    parameters += numbers
  }
  if (tensorCount === 0) throw wrong('there are no tensors in it')

  const dataStart = Math.ceil(at.offset / facts.alignment) * facts.alignment
  places.sort((a, b) => a.start - b.start)
  places.forEach(({ name, start, end }, i) => {
    if (dataStart + end > sizeBytes) throw wrong(`the tensor "${shown(name)}" does not lie within it`)
    if (i > 0 && places[i - 1]!.end > start)
      throw wrong(`the tensors "${shown(places[i - 1]!.name)}" and "${shown(name)}" overlap`)
  })
  const { alignment: _, ...said } = facts
  return {
    version,
    ...said,
    tensors: tensorCount,
    parameters,
    weightBytes: sizeBytes - dataStart,
    storedAs: [...bytesByType].sort((a, b) => b[1] - a[1])[0]![0],
  }
}

const refusal = (path: string, why: string) => invalidInput(`"${path}" is no GGUF file that can be read: ${why}.`, { file: path })
