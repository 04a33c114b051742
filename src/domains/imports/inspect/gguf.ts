import { readGguf } from '../../../ports/language/gguf-header.ts'
import { type ByteSource, shown } from './byte-source.ts'
import type { Found } from './found.ts'

/** A language model as llama.cpp reads it: its head says what it is. */
export async function inspectGguf(source: ByteSource): Promise<Found> {
  const header = await readGguf((start, end) => source.read(start, end), source)
  const { architecture, parameters, contextLength, storedAs, name, licence, chatTemplate, vocabulary, pooling } = header
  return {
    format: 'gguf',
    file: source.path,
    marked: null,
    algorithm: `${shown(architecture)} (${shown(name ?? 'GGUF')})`,
    task: pooling ? 'embedding' : 'generation',
    classes: null,
    columns: null,
    width: null,
    licence,
    facts: { parameters, contextLength, storedAs, vocabulary, chat: chatTemplate !== null },
    notes: [],
  }
}
