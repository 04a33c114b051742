import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepareSound } from '../audio/waveform.ts'
import type { Frame } from '../inference.ts'
import type { SignatureColumn } from '../signature.ts'
import type { WordsOfText } from '../tokens/words.ts'
import { contentOf } from './content.ts'

/** What a column's value becomes: pixels, samples, or token ids. */
export type Prepared = Uint8Array | Float32Array | Int32Array
/** Base64 or a data URL of a file, its bytes, or plain text. */
export type MediaValue = string | Uint8Array

export interface PreparedValue {
  value: Prepared
  /** Of an image: how large it was. */
  frame?: Frame
  /** Of a text whose words are told something of. */
  words?: WordsOfText
}

export interface Preparer {
  prepare(column: string, value: MediaValue): Promise<PreparedValue>
}

/** Opens what prepares a package's images, sounds and texts, on the calling thread. Each is loaded only if a column asks for it. */
export async function openPreparer({ folder, inputs }: { folder: string; inputs: SignatureColumn[] }): Promise<Preparer> {
  const byColumn = new Map<string, Prepare>()
  for (const input of inputs) byColumn.set(input.name, await openColumn(folder, input))
  return { prepare: async (column, value) => byColumn.get(column)!(value) }
}

type Prepare = (value: MediaValue) => PreparedValue | Promise<PreparedValue>

async function openColumn(folder: string, input: SignatureColumn): Promise<Prepare> {
  if (input.tensor === 'image') {
    const { openImages } = await import('../image/prepare-image.ts')
    // Bytes, not a path: the graph then has no folder from which it could name further files.
    const prepare = await openImages(readFileSync(join(folder, 'preprocess.onnx')), input)
    return (value) => prepare(contentOf(value))
  }
  if (input.tensor === 'audio') {
    const { sampleRate, samples } = soundOf(input)
    return (value) => ({ value: prepareSound(contentOf(value), { sampleRate, samples }) })
  }
  const { openTokenizer, openWordTokenizer } = await import('../tokens/tokenizer.ts')
  if (input.words) {
    const tokenise = openWordTokenizer(readFileSync(join(folder, 'tokenizer.json'), 'utf8'), input.maxLength ?? 512)
    return (value) => {
      const text = String(value)
      const { ids, words } = tokenise(text)
      return { value: Int32Array.from(ids), words: { text, words } }
    }
  }
  const tokenise = openTokenizer(readFileSync(join(folder, 'tokenizer.json'), 'utf8'), input.maxLength ?? 512)
  return (value) => ({ value: Int32Array.from(tokenise(String(value))) })
}

function soundOf({ sampleRate = 16_000, samples = null }: SignatureColumn) {
  return { sampleRate, samples }
}
