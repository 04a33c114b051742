import type { Files } from '../../ports/files/files.ts'
import type { LanguageModel, LanguageModels } from '../../ports/language/language.ts'
import type { Signature } from '../registry/schema.ts'

const template = 'chat_template.jinja'
const mostTemplateBytes = 256 * 1024

/** Loads the language model of a laid package, as it is served and as it is proven. */
export async function openText(
  { files, language }: { files: Files; language: Pick<LanguageModels, 'load'> },
  { folder, signature }: { folder: string; signature: Signature },
): Promise<LanguageModel> {
  return language.load({
    file: files.resolvePath(folder, 'model.gguf'),
    chatTemplate: (await files.exists(folder, template)) ? await files.readText(folder, template, mostTemplateBytes) : null,
    contextLength: signature.generation?.contextLength,
    stop: signature.generation?.stop,
  })
}
