import { Template } from '@huggingface/jinja'
import type { ChatMessage } from './language.ts'

/** Text of a prompt, and whether tokens that steer are read in it. */
export interface PromptPart {
  text: string
  steers: boolean
}

export interface ChatFormat {
  template: string
  controlTokens: readonly string[]
  bos: string
  eos: string
}

/**
 * Makes a prompt of a conversation by a model's chat template. What people wrote stays text: a control token that somebody typed is no control token.
 * The template is a program of strangers, run by an interpreter of its own that reaches nothing but its variables.
 */
export function chatPrompt(messages: readonly ChatMessage[], { template, controlTokens, bos, eos }: ChatFormat): PromptPart[] {
  const typed: string[] = []
  const mark = String(Math.random()).slice(2)
  const pattern = controlTokens.length > 0 ? new RegExp(controlTokens.map((token) => escaped(token)).join('|'), 'g') : null
  const kept = (content: string) =>
    pattern ? content.replace(pattern, (token) => `\ue000${mark}.${typed.push(token) - 1}\ue001`) : content
  const rendered = new Template(template).render({
    messages: messages.map(({ role, content }) => ({ role, content: kept(content) })),
    add_generation_prompt: true,
    bos_token: bos,
    eos_token: eos,
  })
  return rendered
    .split(new RegExp(`\ue000${mark}\\.(\\d+)\ue001`))
    .map((text, i) => (i % 2 === 0 ? { text, steers: true } : { text: typed[Number(text)] ?? '', steers: false }))
    .filter(({ text }) => text !== '')
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
