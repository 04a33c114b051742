import type { CompressionInput } from './schema.ts'

const schemeWords: Record<CompressionInput['scheme'], string> = {
  int8_dynamic: 'dynamic INT8',
  int8_static: 'static INT8, calibrated on training rows',
  int8_weights: 'INT8 weights',
  float16: '16-bit weights',
}

/** A method and its settings in words, for cards, tables and the audit trail. */
export function summaryOf(input: CompressionInput): string {
  if (input.method === 'quantise') return `quantised: ${schemeWords[input.scheme]}`
  if (input.method === 'distil')
    return `distilled into ${input.algorithms.join(' or ') || 'a smaller model'} (temperature ${input.temperature}, ${Math.round(100 * input.alpha)} % true labels)`
  if (input.method === 'prune')
    return `pruned: ${Math.round(100 * input.sparsity)} % of the ${input.structured ? 'channels' : 'weights'}, then fine-tuned`
  return `fewer inputs: within ${input.standardErrors} standard error${input.standardErrors === 1 ? '' : 's'} of the best`
}
