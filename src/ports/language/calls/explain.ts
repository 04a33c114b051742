import type { ChatMessage, Tool } from '../language.ts'

/** Puts tools, calls and their results into words, for templates that know none of them. */
export function inWords(messages: readonly ChatMessage[], tools: readonly Tool[]): ChatMessage[] {
  const told = messages.map((message): ChatMessage => {
    if (message.role === 'tool') return { role: 'user', content: `<tool_response>\n${message.content}\n</tool_response>` }
    const calls = (message.calls ?? []).map(
      ({ name, arguments: given }) => `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${given}}\n</tool_call>`,
    )
    return { role: message.role, content: [message.content, ...calls].filter((part) => part !== '').join('\n') }
  })
  if (tools.length === 0) return told
  const [first, ...rest] = told
  const words = wordsOf(tools)
  return first?.role === 'system'
    ? [{ role: 'system', content: `${first.content}\n\n${words}` }, ...rest]
    : [{ role: 'system', content: words }, ...told]
}

const wordsOf = (tools: readonly Tool[]): string =>
  `You may call one or more functions to help with what is asked. These are their signatures:
<tools>
${tools.map((tool) => JSON.stringify(asFunction(tool))).join('\n')}
</tools>
For each call, write a JSON object with its name and arguments within tags:
<tool_call>
{"name": "the name", "arguments": {}}
</tool_call>`

/** A tool as templates know it. */
export const asFunction = ({ name, description, parameters }: Tool) => ({
  type: 'function',
  function: {
    name,
    ...(description !== undefined && { description }),
    parameters: parameters ?? { type: 'object', properties: {} },
  },
})
