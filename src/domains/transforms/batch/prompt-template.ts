import { invalidInput } from '../../../kernel/errors.ts'
import type { PromptTemplate } from '../schema.ts'

const place = /\{\{\s*([^{}]{1,200}?)\s*\}\}/g

/** The columns that a template names. */
export function columnsOfTemplate(template: PromptTemplate): string[] {
  const texts = typeof template === 'string' ? [template] : [template.user, template.system ?? '']
  return [...new Set(texts.flatMap((text) => [...text.matchAll(place)].map(([, name]) => name!)))]
}

/** Refuses a template that names a column which is not there, or none. */
export function refuseTemplate(template: PromptTemplate, has: (column: string) => boolean): void {
  const names = columnsOfTemplate(template)
  if (names.length === 0)
    throw invalidInput(
      'The prompt names no column of the rows: every row would get the same. Write {{column}} where its value goes.',
      {
        field: 'prompt',
      },
    )
  const absent = names.find((name) => !has(name))
  if (absent !== undefined)
    throw invalidInput(`The rows have no column "${absent}" for {{${absent}}} in the prompt.`, {
      field: 'prompt',
      column: absent,
    })
}

/** What a language model is asked about one row. A value is put in as it is: braces in it mean nothing. */
export function filled(template: PromptTemplate, value: (column: string) => string): Record<string, unknown> {
  const fill = (text: string) => text.replace(place, (_, name: string) => value(name))
  if (typeof template === 'string') return { prompt: fill(template) }
  const { system, user } = template
  return {
    messages: [
      ...(system === undefined ? [] : [{ role: 'system', content: fill(system) }]),
      { role: 'user', content: fill(user) },
    ],
  }
}
