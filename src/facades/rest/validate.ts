import * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'

export type Where = 'body' | 'query' | 'path'

/** Makes the check of one part of a request. What does not fit is refused with the names of the fields; so is a field that nobody reads. */
export function validator(schema: z.ZodType, where: Where): (value: unknown) => unknown {
  const fields = fieldsOf(schema)
  return (value) => {
    const result = schema.safeParse(value)
    if (!result.success) throw misfit(result.error, where)
    if (fields && value !== null && typeof value === 'object') {
      for (const key in value) {
        if (fields.has(key)) continue
        throw invalidInput(
          `There is no field "${key}" in the ${where} of this call. It takes: ${[...fields].join(', ') || 'none'}.`,
          {
            field: key,
            in: where,
          },
        )
      }
    }
    return result.data
  }
}

/** The fields of an object schema that takes no others; null where any may come. */
function fieldsOf(schema: z.ZodType): Set<string> | null {
  if (!(schema instanceof z.ZodObject)) return null
  return schema.def.catchall ? null : new Set(Object.keys(schema.shape))
}

function misfit(error: z.ZodError, where: Where): Error {
  const issues = error.issues.slice(0, 20).map((issue) => ({ field: fieldName(issue.path), message: wordsOf(issue) }))
  const [first] = issues
  const more = error.issues.length > 1 ? ` (and ${error.issues.length - 1} more)` : ''
  const place = first?.field ? `${where === 'body' ? '' : `${where} `}"${first.field}"` : `the ${where}`
  return invalidInput(`${capital(place)}: ${(first?.message ?? 'not valid').replace(/\.$/, '')}${more}.`, {
    field: first?.field ?? null,
    in: where,
    issues,
  })
}

const isMissing = (issue: z.core.$ZodIssue): boolean => issue.path.length > 0 && issue.message.endsWith('received undefined')

/** Unions say only that nothing fits: the branch that came closest says why. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.message.endsWith('received undefined')) return 'is required'
  const bound = boundOf(issue)
  if (bound) return bound
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue.message
  const asked = issue.errors.map((branch) =>
    branch.every(isMissing) ? branch.map(({ path }) => `"${fieldName(path)}"`).join(' with ') : null,
  )
  if (asked.every(Boolean)) return `needs ${asked.join(' or ')}`
  const closest = issue.errors.reduce((best, branch) => (branch.length < best.length ? branch : best))
  return closest.map((inner) => `${inner.path.length ? `${fieldName(inner.path)}: ` : ''}${wordsOf(inner)}`).join('; ')
}

/** Bounds of numbers, and forms that people get wrong, in plain words. */
function boundOf(issue: z.core.$ZodIssue): string | null {
  if (issue.code === 'too_big' && issue.origin === 'number')
    return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`
  if (issue.code === 'too_small' && issue.origin === 'number')
    return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
  if (issue.code !== 'invalid_format') return null
  if (issue.format === 'email' && issue.message === 'Invalid email address') return 'is no e-mail address'
  return issue.format === 'hostname' && issue.message === 'Invalid hostname' ? 'is no host name' : null
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** `rows[3].age` */
const fieldName = (path: readonly PropertyKey[]): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? String(part) : `.${String(part)}`)).join('')
