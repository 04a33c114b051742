import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tensor as OnnxTensor } from 'onnxruntime-node'
import { invalidInput, PlatformError } from '../../../kernel/errors.ts'
import type { PreparedItem } from '../inference.ts'
import { openGraph } from '../open-graph.ts'
import { openWords } from '../tokens/tokenizer.ts'
import { checkInputs } from './check-inputs.ts'
import { openDecoder } from './decoder.ts'
import { type TextDecoding, type WrittenAnswer, writeTokens } from './decoding.ts'
import { windowsOf } from './windows.ts'

export interface TextModelFiles {
  /** Holds model.onnx (the encoder), decoder.onnx and tokenizer.json. */
  folder: string
  decoding: TextDecoding
  sampleRate: number
}

export interface TextSession {
  /** Throws where it takes longer than `mostMs`, or where nobody waits any longer. */
  write(item: PreparedItem, limits: { mostMs: number; isUnwanted(): boolean }): Promise<WrittenAnswer>
  close(): Promise<void>
}

/** What stands around a text is not part of it; the training code takes off the same four signs. */
const blanks = /^[ \t\n\r]+|[ \t\n\r]+$/g

/** Opens an encoder and a decoder on the calling thread. */
export async function openTextSession({ folder, decoding, sampleRate }: TextModelFiles): Promise<TextSession> {
  // Bytes, not a path: a graph then has no folder from which it could name further files.
  const encoder = await openGraph(readFileSync(join(folder, 'model.onnx')))
  const decoder = await openDecoder(readFileSync(join(folder, 'decoder.onnx')))
  const { Tensor } = encoder
  const words = openWords(readFileSync(join(folder, 'tokenizer.json'), 'utf8'))
  const isOfSound = decoding.window != null
  checkInputs('encoder', encoder.session, isOfSound ? ['audio'] : ['input_ids', 'attention_mask'])
  if (!encoder.session.outputNames.includes(decoder.reads))
    throw invalidInput(`The encoder's graph has no output "${decoder.reads}", which the decoder's reads.`, {
      output: decoder.reads,
    })

  async function ofStates(feeds: Record<string, OnnxTensor>, check: () => void): Promise<string> {
    check()
    const states = (await encoder.session.run(feeds, [decoder.reads]))[decoder.reads]!
    const ids = await writeTokens(decoding, decoder.begin(states, feeds.attention_mask), check)
    return ids.length === 0 ? '' : words(ids).replace(blanks, '')
  }

  async function ofSound(samples: Float32Array, check: () => void): Promise<WrittenAnswer> {
    if (samples.length === 0) throw invalidInput('The recording is empty: it holds no samples.')
    const size = decoding.window!.samples
    const segments: NonNullable<WrittenAnswer['segments']> = []
    for (const [begin, end] of windowsOf(samples, decoding.window!)) {
      const heard = new Float32Array(size)
      heard.set(samples.subarray(begin, end))
      const text = await ofStates({ audio: new Tensor('float32', heard, [1, size]) }, check)
      segments.push({ start: begin / sampleRate, end: end / sampleRate, text })
    }
    const text = segments.flatMap((one) => (one.text === '' ? [] : [one.text])).join(' ')
    return { text, segments }
  }

  async function ofTokens(tokens: Int32Array, check: () => void): Promise<WrittenAnswer> {
    const shape = [1, tokens.length]
    const input_ids = new Tensor('int64', BigInt64Array.from(tokens, BigInt), shape)
    const attention_mask = new Tensor('int64', new BigInt64Array(tokens.length).fill(1n), shape)
    return { text: await ofStates({ input_ids, attention_mask }, check) }
  }

  return {
    async write({ audio, tokens }, { mostMs, isUnwanted }) {
      const until = performance.now() + mostMs
      const check = () => {
        if (isUnwanted()) throw new PlatformError('unavailable', 'Nobody waits for the answer any longer.')
        if (performance.now() > until)
          throw new PlatformError('timeout', `The text was not written within ${mostMs / 1000} s. Send a shorter input.`)
      }
      return isOfSound ? ofSound(audio!, check) : ofTokens(tokens!, check)
    },
    async close() {
      await encoder.session.release()
      await decoder.close()
    },
  }
}
