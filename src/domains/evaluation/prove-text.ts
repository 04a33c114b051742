import { createInterface } from 'node:readline'
import type * as z from 'zod'
import { isPlatformError } from '../../kernel/errors.ts'
import type { Files } from '../../ports/files/files.ts'
import type { ChatMessage, LanguageModel, LanguageModels } from '../../ports/language/language.ts'
import type { Parity, Signature } from '../registry/schema.ts'
import { openText } from './open-text.ts'

export interface TextCandidate {
  signature: Signature
  /** Holds model.gguf, and chat_template.jinja where there is one. */
  packageFolder: string
  /** Holds parity_rows.jsonl and parity_expected.json. */
  evidenceFolder: string
  hashOf(path: string): Promise<string>
}

/** parity_expected.json of a model that writes: what training code wrote after each prompt, as far as roundings cannot change it. */
interface ExpectedTexts {
  texts: string[]
  tokens: number[][]
}

const mostBytes = 64 * 2 ** 20

/** *prove*, for a model that writes text: the file that serves must write, token for token, what training code wrote. */
export async function proveText(
  { files, language }: { files: Files; language: Pick<LanguageModels, 'load'> },
  { signature, packageFolder, evidenceFolder, hashOf }: TextCandidate,
): Promise<z.infer<typeof Parity>> {
  const { texts, tokens } = (await files.readJson(evidenceFolder, 'parity_expected.json', mostBytes)) as ExpectedTexts
  const certificate = async (rows: number, flips: number, reason: string | null): Promise<z.infer<typeof Parity>> => ({
    rows,
    heldOutRows: texts.length,
    injectedRows: 0,
    flips,
    maxDiff: 0,
    tolerance: signature.tolerance,
    passed: reason === null,
    served: 'gguf',
    reason,
    modelSha256: (await files.exists(packageFolder, 'model.gguf')) ? await hashOf('model.gguf') : '',
    at: new Date().toISOString(),
  })
  if (!(await files.exists(packageFolder, 'model.gguf')))
    return certificate(
      0,
      0,
      'Networks of this kind cannot be written as GGUF yet, so that nothing serves it. Its weights can be downloaded.',
    )
  let model: LanguageModel
  try {
    model = await openText({ files, language }, { folder: packageFolder, signature })
  } catch (error) {
    if (!isPlatformError(error)) throw error
    return certificate(0, 0, error.message)
  }
  let rows = 0
  let flips = 0
  let first = ''
  try {
    const { stream } = await files.open(evidenceFolder, 'parity_rows.jsonl')
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue
      const row = JSON.parse(line) as { prompt: string } | { messages: ChatMessage[] }
      const wanted = texts[rows] ?? ''
      // The seed decides nothing here; it has each prompt read anew, as a first request is.
      const { text } = await model.generate({ ...row, maxTokens: Math.max(1, tokens[rows]?.length ?? 0), seed: 0 })
      if (text !== wanted) {
        flips++
        first ||= `row ${rows} goes on with ${quoted(wanted)} in training code and with ${quoted(text)} when served`
      }
      rows++
    }
  } catch (error) {
    if (!isPlatformError(error) || error.code !== 'invalid_input') throw error
    return await certificate(rows, flips, `Serving refused row ${rows}, which training code answered: ${error.message}`)
  } finally {
    await model.close()
  }
  if (rows === 0 || rows !== texts.length)
    return certificate(
      rows,
      flips,
      `${rows} prompts were replayed and ${texts.length} answers are known, so that nothing is proven.`,
    )
  return certificate(rows, flips, flips === 0 ? null : `${flips} of ${rows} texts differ; ${first}.`)
}

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
