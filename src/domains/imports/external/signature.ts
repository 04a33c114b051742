import { invalidInput } from '../../../kernel/errors.ts'
import type { Signature } from '../../registry/schema.ts'
import type { ExternalInput } from './schema.ts'

/** What a model elsewhere takes and answers, as whoever registers it says; `width`: of its vectors. */
export function externalSignature(input: ExternalInput, width: number): Signature {
  const { task, target, contextLength } = input
  const bare = { task, target, classes: null, positive: null, threshold: null, tolerance: 0 }
  if (task === 'generation')
    return {
      ...bare,
      inputs: [
        { name: 'prompt', type: 'text', tensor: 'tokens', index: 0, nullable: false, maxLength: contextLength, example: 'Hello' },
      ],
      outputs: [{ name: 'text', width: 1 }],
      generation: { contextLength, maxNewTokens: Math.min(256, contextLength), chat: true },
    }
  if (task === 'embedding')
    return {
      ...bare,
      inputs: [{ name: 'text', type: 'text', tensor: 'strings', index: 0, nullable: false, example: 'Once upon a time' }],
      outputs: [{ name: 'vector', width }],
    }
  const index = { numbers: 0, strings: 0 }
  return {
    ...bare,
    classes: input.classes,
    positive: task === 'binary' ? (input.positive ?? input.classes![1]!) : null,
    threshold: task === 'binary' ? 0.5 : null,
    inputs: input.inputs.map(({ name, type, nullable }) => {
      const tensor = type === 'category' || type === 'text' ? 'strings' : 'numbers'
      return { name, type, tensor, index: index[tensor]++, nullable, example: tensor === 'strings' ? '' : 0 }
    }),
  }
}

/** Refuses what does not fit together, by its field. */
export function refuseMisfit({ protocol, task, inputs, classes, positive, header }: ExternalInput): void {
  const wrong = (field: string, why: string) => {
    throw invalidInput(why, { field })
  }
  const isOfTexts = task === 'generation' || task === 'embedding'
  if (protocol === 'openai' && !isOfTexts)
    wrong('task', 'An OpenAI-compatible model writes texts (generation) or makes vectors of them (embedding).')
  if (protocol === 'http' && isOfTexts)
    wrong(
      'task',
      'Rows are sent over plain HTTP for the tasks binary, multiclass and regression; for texts use the protocol openai.',
    )
  if (protocol === 'http' && inputs.length === 0) wrong('inputs', 'Say which columns a row has.')
  if (new Set(inputs.map(({ name }) => name)).size < inputs.length) wrong('inputs', 'Two columns have the same name.')
  if (protocol === 'openai' && inputs.length > 0) wrong('inputs', 'A model of texts takes no columns.')
  const needsClasses = task === 'binary' || task === 'multiclass'
  if (needsClasses !== (classes !== null))
    wrong('classes', needsClasses ? 'Say the classes.' : 'There are no classes in this task.')
  if (classes && new Set(classes).size < classes.length) wrong('classes', 'Two classes have the same name.')
  if (task === 'binary' && classes?.length !== 2) wrong('classes', 'A binary task has two classes.')
  if (positive !== null && !classes?.includes(positive)) wrong('positive', 'It is not among the classes.')
  if (header && /^(host|content-length|content-type|connection|transfer-encoding|cookie)$/i.test(header.name))
    wrong('header.name', 'This header is not yours to set.')
}
