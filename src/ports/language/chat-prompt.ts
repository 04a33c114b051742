import { Template } from '@huggingface/jinja'
import { asFunction } from './calls/explain.ts'
import type { ChatMessage, Tool } from './language.ts'

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
export function chatPrompt(
  { messages, tools = [] }: { messages: readonly ChatMessage[]; tools?: readonly Tool[] },
  { template, controlTokens, bos, eos }: ChatFormat,
): PromptPart[] {
  const typed: string[] = []
  const mark = String(Math.random()).slice(2)
  const pattern = controlTokens.length > 0 ? new RegExp(controlTokens.map((token) => escaped(token)).join('|'), 'g') : null
  const kept = (content: string) =>
    pattern ? content.replace(pattern, (token) => `\ue000${mark}.${typed.push(token) - 1}\ue001`) : content
  const keptWithin = (value: unknown): unknown => {
    if (typeof value === 'string') return kept(value)
    if (Array.isArray(value)) return value.map(keptWithin)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [kept(key), keptWithin(inner)]))
  }
  const rendered = new Template(template).render({
    messages: messages.map((message) => ({
      role: message.role,
      content: kept(message.content),
      ...(message.calls && {
        tool_calls: message.calls.map(({ id, name, arguments: given }) => ({
          id: kept(id),
          type: 'function',
          function: { name: kept(name), arguments: keptWithin(objectOf(given)) },
        })),
      }),
      ...(message.callId !== undefined && { tool_call_id: kept(message.callId) }),
    })),
    ...(tools.length > 0 && { tools: tools.map((tool) => keptWithin(asFunction(tool))) }),
    add_generation_prompt: true,
    bos_token: bos,
    eos_token: eos,
  })
  return rendered
    .split(new RegExp(`\ue000${mark}\\.(\\d+)\ue001`))
    .map((text, i) => (i % 2 === 0 ? { text, steers: true } : { text: typed[Number(text)] ?? '', steers: false }))
    .filter(({ text }) => text !== '')
}

/** Templates take arguments as the object that they are. */
function objectOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
