import type { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node'
import { invalidInput } from '../../../kernel/errors.ts'
import { openGraph } from '../open-graph.ts'
import { checkInputs } from './check-inputs.ts'
import type { NextLogits } from './decoding.ts'

export interface Decoder {
  /** The encoder's output that it looks at. */
  reads: 'crossed' | 'encoder_hidden'
  /** A new text after these states of the encoder. */
  begin(states: OnnxTensor, mask: OnnxTensor | undefined): NextLogits
  close(): Promise<void>
}

/** A decoder's graph: one that keeps what it has worked out (`past`), or one that takes all tokens so far each time. */
export async function openDecoder(graph: Uint8Array): Promise<Decoder> {
  const { session, Tensor } = await openGraph(graph)
  const isCached = session.inputNames.includes('past')
  checkInputs('decoder', session, ['input_ids', 'attention_mask', ...(isCached ? ['past', 'crossed'] : ['encoder_hidden'])])
  const isMasked = session.inputNames.includes('attention_mask')
  const tokensOf = (tokens: readonly number[]) => new Tensor('int64', BigInt64Array.from(tokens, BigInt), [1, tokens.length])
  const close = () => session.release()

  if (!isCached)
    return {
      reads: 'encoder_hidden',
      close,
      begin(encoder_hidden, mask) {
        const beside = { encoder_hidden, ...(isMasked && { attention_mask: mask! }) }
        return async (tokens) =>
          (await session.run({ ...beside, input_ids: tokensOf(tokens) }, ['logits'])).logits!.data as Float32Array
      },
    }

  const empty = emptyPast(session)
  return {
    reads: 'crossed',
    close,
    begin(crossed, mask) {
      const beside = { crossed, ...(isMasked && { attention_mask: mask! }) }
      let past: OnnxTensor = new Tensor('float32', new Float32Array(0), empty)
      let known = 0
      return async (tokens) => {
        let logits: OnnxTensor | undefined
        for (; known < tokens.length; known++) {
          const said = await session.run({ ...beside, past, input_ids: tokensOf([tokens[known]!]) }, ['logits', 'present'])
          past = said.present!
          logits = said.logits!
        }
        return logits!.data as Float32Array
      }
    },
  }
}

/** [2 x layers, 1 row, heads, no places yet, width], of which the graph says all but the rows and the places. */
function emptyPast(session: InferenceSession): number[] {
  const about = session.inputMetadata.find(({ name }) => name === 'past')
  const shape = about?.isTensor ? about.shape : []
  const [layers, , heads, , width] = shape
  if (shape.length !== 5 || [layers, heads, width].some((size) => typeof size !== 'number'))
    throw invalidInput(`The decoder's input "past" has the shape [${shape.join(', ')}], of which too little is fixed.`, {
      input: 'past',
    })
  return [layers as number, 1, heads as number, 0, width as number]
}
