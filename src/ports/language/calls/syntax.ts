/** How a model writes that it asks for functions; which one it learnt is seen in its chat template. */
export interface CallSyntax {
  /** From here on what it writes is a call. */
  trigger: string
  /** Only where nothing was written before. */
  onlyFirst: boolean
  /** Up to the name of the first function, up to its arguments, and after them. */
  begin: string
  middle: string
  close: string
  /** After a call, up to the name of the next one; null where there is one at most. */
  between: string | null
  /** After all calls. */
  end: string
  /** The template says what tools there are; otherwise we do, in words. */
  inTemplate: boolean
}

const tagged: CallSyntax = {
  trigger: '<tool_call>',
  onlyFirst: false,
  begin: '<tool_call>\n{"name": "',
  middle: '", "arguments": ',
  close: '}\n</tool_call>',
  between: '\n<tool_call>\n{"name": "',
  end: '',
  inTemplate: true,
}

const list: CallSyntax = {
  trigger: '[TOOL_CALLS]',
  onlyFirst: false,
  begin: '[TOOL_CALLS][{"name": "',
  middle: '", "arguments": ',
  close: '}',
  between: ', {"name": "',
  end: ']',
  inTemplate: true,
}

const bare: CallSyntax = {
  trigger: '{"name"',
  onlyFirst: true,
  begin: '{"name": "',
  middle: '", "parameters": ',
  close: '}',
  between: null,
  end: '',
  inTemplate: true,
}

/** The syntax of Hermes and Qwen (tags), of Mistral (a list) or of Llama 3.1 (an object), as the template has it; tags that we explain where it has none. */
export function syntaxOf(template: string): CallSyntax {
  if (!/\btools\b/.test(template)) return { ...tagged, inTemplate: false }
  if (template.includes('<tool_call>')) return tagged
  if (template.includes('[TOOL_CALLS]')) return list
  return template.includes('"parameters"') ? bare : { ...tagged, inTemplate: false }
}
