/** One condition of a row filter, as the address and the API write it. */
export interface Condition {
  column: string
  op: '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains' | 'is_missing'
  value?: string | number | boolean
}

export const operators: readonly { value: Condition['op']; label: string }[] = [
  { value: '=', label: 'is' },
  { value: '!=', label: 'is not' },
  { value: '<', label: 'less than' },
  { value: '<=', label: 'at most' },
  { value: '>', label: 'more than' },
  { value: '>=', label: 'at least' },
  { value: 'contains', label: 'contains' },
  { value: 'is_missing', label: 'is missing' },
]

/** The conditions of an address; anything malformed counts as none. */
export function readConditions(text: string | undefined): Condition[] {
  if (!text) return []
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list)
      ? list.filter((one): one is Condition => typeof one?.column === 'string' && operators.some((op) => op.value === one.op))
      : []
  } catch {
    return []
  }
}

export const writeConditions = (list: readonly Condition[]): string | undefined =>
  list.length ? JSON.stringify(list) : undefined

export const conditionWords = (one: Condition): string =>
  `${one.column} ${operators.find((op) => op.value === one.op)?.label ?? one.op}${one.op === 'is_missing' ? '' : ` ${one.value ?? ''}`}`
