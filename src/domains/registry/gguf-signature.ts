import type { GgufHeader } from '../../ports/language/gguf-header.ts'
import type { Signature } from './schema.ts'

const usualTokens = 256

/** What a language model that was brought as GGUF takes and answers; `hasTemplate`: one for chats lies beside it. */
export const ggufSignature = (
  header: Pick<GgufHeader, 'contextLength' | 'chatTemplate' | 'storedAs'>,
  hasTemplate: boolean,
): Signature => ({
  task: 'generation',
  target: null,
  classes: null,
  positive: null,
  threshold: null,
  tolerance: 0,
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
