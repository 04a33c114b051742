import type { GgufHeader } from '../../ports/language/gguf-header.ts'
import type { Signature } from './schema.ts'

const usualTokens = 256

type Head = Pick<GgufHeader, 'contextLength' | 'chatTemplate' | 'storedAs' | 'pooling' | 'width'>

/** What a model that was brought as GGUF takes and answers; `hasTemplate`: one for chats lies beside it. */
export const ggufSignature = (header: Head, hasTemplate: boolean): Signature =>
  header.pooling ? embedding(header) : generation(header, hasTemplate)

const bare = { target: null, classes: null, positive: null, threshold: null, tolerance: 0 }

const generation = (header: Head, hasTemplate: boolean): Signature => ({
  ...bare,
  task: 'generation',
  inputs: [
    {
      name: 'prompt',
      type: 'text',
      tensor: 'tokens',
      index: 0,
      nullable: false,
      maxLength: header.contextLength,
      example: 'Once upon a time',
    },
  ],
  outputs: [{ name: 'text', width: 1 }],
  generation: {
    contextLength: header.contextLength,
    maxNewTokens: Math.min(usualTokens, header.contextLength),
    chat: hasTemplate || header.chatTemplate !== null,
    gguf: header.storedAs.toLowerCase(),
  },
})

const embedding = ({ width }: Head): Signature => ({
  ...bare,
  task: 'embedding',
  inputs: [{ name: 'text', type: 'text', tensor: 'strings', index: 0, nullable: false, example: 'Once upon a time' }],
  outputs: [{ name: 'vector', width }],
})
