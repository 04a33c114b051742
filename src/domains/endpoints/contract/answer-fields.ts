import { type ModelSignature, outputPlaces } from '../../../ports/inference/signature.ts'

/** One field of a prediction, as a signature implies it. */
export interface AnswerField {
  /** In a prediction; `outputs.NAME` is one of the graph's further outputs. */
  name: string
  kind: 'number' | 'integer' | 'boolean' | 'text' | 'numbers' | 'by class' | 'structure'
  /** Values per row, where there are several numbers. */
  width?: number
  /** What it can be. */
  words?: readonly string[]
}

/** What a prediction of this signature holds beside its id: the one list that descriptions and tensors are made from. */
export function answerFields(signature: ModelSignature): AnswerField[] {
  const { task, classes } = signature
  if (signature.turns) return [structure('turns')]
  if (signature.decoding)
    return [text('text'), ...(signature.inputs.some(({ tensor }) => tensor === 'audio') ? [structure('segments')] : [])]
  if (task === 'generation') return [text('text')]
  if (task === 'tokens') return [structure('spans')]
  const places = outputPlaces(signature)
  const decidesGroup = task === 'clustering' && !places.some(({ name }) => name === 'cluster')
  return places.flatMap(({ name, width }): AnswerField[] => {
    if (task === 'detection' && name === 'objects') return [structure('objects')]
    if (task === 'segmentation' && name === 'mask') return [text('mask'), structure('areas')]
    if (name === 'probabilities') {
      const words = classes ?? Array.from({ length: width }, (_, k) => String(k))
      const decided: AnswerField =
        task === 'multilabel'
          ? { name: 'labels', kind: 'structure', words }
          : task === 'clustering'
            ? { name: 'cluster', kind: 'integer' }
            : { name: 'label', kind: 'text', words }
      return [decided, { name: 'probabilities', kind: 'by class', width, words }]
    }
    if (name === 'prediction')
      return [width === 1 ? { name: 'value', kind: 'number' } : { name: 'values', kind: 'numbers', width }]
    if (name === 'cluster') return [{ name: 'cluster', kind: 'integer' }]
    if (name === 'distances')
      return [...(decidesGroup ? [{ name: 'cluster', kind: 'integer' } as const] : []), { name, kind: 'numbers', width }]
    if (name === 'score' && width === 1)
      return [
        { name: 'score', kind: 'number' },
        ...(signature.threshold === null ? [] : [{ name: 'isAnomaly', kind: 'boolean' } as const]),
      ]
    if (name === 'vector') return [{ name, kind: 'numbers', width }]
    return [{ name: `outputs.${name}`, ...(width === 1 ? { kind: 'number' } : { kind: 'numbers', width }) } as AnswerField]
  })
}

const text = (name: string): AnswerField => ({ name, kind: 'text' })
const structure = (name: string): AnswerField => ({ name, kind: 'structure' })

/** The value of a field in a prediction. */
export function fieldOf(prediction: Record<string, unknown>, name: string): unknown {
  if (!name.startsWith('outputs.')) return prediction[name]
  return (prediction.outputs as Record<string, unknown> | undefined)?.[name.slice('outputs.'.length)]
}
