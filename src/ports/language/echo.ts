import type { Token } from 'node-llama-cpp'
import type { FinishReason, Likelihood } from './language.ts'
import { likelihoodThere, unlikened } from './likelihoods.ts'
import type { Opened } from './opened.ts'

/** Probabilities of the whole vocabulary that are held at once. */
const mostProbabilities = 400_000
const mostTokensAtOnce = 64

/** Says a prompt itself, with the likelihoods of its tokens where they are asked for; answers its last token, which is not read yet. */
export async function echo(
  { model, sequence }: Opened,
  { prompt, asked, top }: { prompt: Token[]; asked: string | number[]; top: number | undefined },
  {
    read,
    hurry,
    say,
  }: {
    read(): Promise<Token[] | FinishReason>
    hurry(): FinishReason | null
    say(text: string, likelihoods?: Likelihood[]): void
  },
): Promise<Token[] | FinishReason> {
  const text = typeof asked === 'string' ? asked : model.detokenize(prompt, true)
  if (top === undefined) {
    say(text)
    return read()
  }
  // A token that was put before a text is none of it.
  const isBegun = typeof asked === 'string' && prompt[0] === model.tokens.bos && model.tokens.shouldPrependBosToken
  say(text, isBegun ? [] : [unlikened(model, prompt[0]!)])
  await sequence.clearHistory()
  const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length
  const atOnce = Math.max(1, Math.min(mostTokensAtOnce, Math.floor(mostProbabilities / vocabulary)))
  const how = { generateNext: { probabilities: true, options: { temperature: 0, topK: 0, topP: 1, minP: 0 } } }
  for (let from = 0; from < prompt.length - 1; from += atOnce) {
    const reason = hurry()
    if (reason) return reason
    const part = prompt.slice(from, Math.min(from + atOnce, prompt.length - 1))
    const found = await sequence.controlledEvaluate(part.map((token) => [token, how]))
    say(
      '',
      part.map((_, i) => likelihoodThere(model, prompt[from + i + 1]!, found[i]!.next.probabilities!, top)),
    )
  }
  return prompt.slice(-1)
}
