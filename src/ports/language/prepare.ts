import { invalidInput } from '../../kernel/errors.ts'
import { inWords } from './calls/explain.ts'
import { callGrammar } from './calls/grammar.ts'
import { type CallSyntax, syntaxOf } from './calls/syntax.ts'
import { objectGrammar, schemaGrammar } from './grammar/json-schema.ts'
import type { Asked, Prompt, Sampling, Tool } from './language.ts'

/** A request as the model's process gets it: grammars instead of schemas. */
export interface Prepared {
  prompt: Prompt & { tools?: Tool[] }
  sampling: Sampling
  /** Holds from the first token on. */
  grammar: string | null
  calls: PreparedCalls | null
}

export interface PreparedCalls {
  syntax: CallSyntax
  /** Holds from the name of the first function on. */
  grammar: string
  /** The answer is a call, whatever the model would write first. */
  isForced: boolean
  parallel: boolean
}

/** Puts together how an answer must be written; refuses what cannot be. */
export function prepare(request: Asked, chatTemplate: string | null): Prepared {
  const { format, tools = [], toolChoice = 'auto', parallelCalls = true, ...rest } = request
  const { prompt, messages, ...sampling } = rest as Sampling & { prompt?: string | number[]; messages?: never }
  const named = typeof toolChoice === 'object' ? tools.find(({ name }) => name === toolChoice.name) : null
  if (named === undefined)
    throw invalidInput(`There is no tool "${(toolChoice as { name: string }).name}" among the tools.`, { field: 'toolChoice' })
  if (toolChoice !== 'auto' && toolChoice !== 'none' && tools.length === 0)
    throw invalidInput('A call is asked for, and there are no tools.', { field: 'toolChoice' })
  refuseTwice(tools)
  const offered = toolChoice === 'none' ? [] : named ? [named] : tools
  if (offered.length > 0 && toolChoice === 'auto' && format)
    throw invalidInput('A form of the answer and tools that the model may choose exclude each other here. Send one of them.', {
      field: 'format',
    })
  const grammar =
    format === undefined || (offered.length > 0 && toolChoice !== 'auto')
      ? null
      : format.type === 'json'
        ? objectGrammar('format')
        : schemaGrammar(format.schema, 'format.schema')
  if (messages === undefined) {
    if (tools.length > 0) throw invalidInput('Tools are for conversations: send "messages".', { field: 'tools' })
    return { prompt: { prompt: prompt! }, sampling, grammar, calls: null }
  }
  if (sampling.echo) throw invalidInput('A conversation is not echoed: send a "prompt" for that.', { field: 'echo' })
  const syntax = syntaxOf(chatTemplate ?? '')
  const spoken = syntax.inTemplate ? { messages, tools: offered } : { messages: inWords(messages, offered) }
  if (offered.length === 0) return { prompt: spoken, sampling, grammar, calls: null }
  return {
    prompt: spoken,
    sampling,
    grammar,
    calls: {
      syntax,
      grammar: callGrammar(offered, syntax, { parallel: parallelCalls, field: 'tools' }),
      isForced: toolChoice !== 'auto',
      parallel: parallelCalls && syntax.between !== null,
    },
  }
}

function refuseTwice(tools: readonly Tool[]): void {
  const seen = new Set<string>()
  for (const { name } of tools) {
    if (seen.has(name)) throw invalidInput(`There are two tools "${name}".`, { field: 'tools' })
    seen.add(name)
  }
}
