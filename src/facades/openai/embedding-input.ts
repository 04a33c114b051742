import type { Signature } from '../../domains/registry/schema.ts'

/** The one input of a model that makes vectors of texts, and where its answer has them; null where it is no such model. */
export function textToEmbed({
  inputs,
  outputs,
}: Pick<Signature, 'inputs' | 'outputs'>): { column: string; output: string } | null {
  const output = (outputs ?? []).find(({ name }) => name === 'vector' || name === 'embedding')
  const [input, another] = inputs.filter(({ type }) => type === 'text' || type === 'category')
  if (!output || !input || another || inputs.length > 1) return null
  return { column: input.name, output: output.name }
}
