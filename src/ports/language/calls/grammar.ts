import { isPlatformError } from '../../../kernel/errors.ts'
import { schemaRules } from '../grammar/json-schema.ts'
import { literal, Rules } from '../grammar/rules.ts'
import { objectRule } from '../grammar/values.ts'
import type { Tool } from '../language.ts'
import type { CallSyntax } from './syntax.ts'

const mostCalls = 16

/** The grammar of calls, from the name of the first on: arguments are what the schema of their function takes. */
export function callGrammar(
  tools: readonly Tool[],
  { middle, close, between, end }: CallSyntax,
  { parallel, field }: { parallel: boolean; field: string },
): string {
  const rules = new Rules(field)
  const calls = tools.map((tool, i) => {
    const given = argumentsRule(rules, tool, `${field}.${i}.function.parameters`)
    return rules.add(`${literal(tool.name + middle)} ${given} ${literal(close)}`)
  })
  const call = rules.add(calls.join(' | '))
  const more = parallel && between !== null ? `(${literal(between)} ${call}){0,${mostCalls - 1}}` : ''
  return rules.text(`${call} ${more} ${end === '' ? '' : literal(end)}`)
}

function argumentsRule(rules: Rules, { parameters, strict }: Tool, field: string): string {
  if (parameters === undefined) return rules.shared('nothing', '"{}"')
  const schema = { type: 'object', ...parameters }
  if (!strict) {
    // Without a promise to keep, a schema that no grammar can hold only says that it is an object.
    try {
      schemaRules(new Rules(field), schema, field)
    } catch (error) {
      if (!isPlatformError(error)) throw error
      return objectRule(rules)
    }
  }
  return schemaRules(rules, schema, field)
}
