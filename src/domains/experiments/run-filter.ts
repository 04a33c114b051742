import { invalidInput } from '../../kernel/errors.ts'

/** One side of a comparison: `metrics.f1`, `params.algorithm`, `tags`, or a column of the run. */
export interface RunField {
  kind: 'metric' | 'param' | 'tag' | 'column'
  name: string
}

export type Comparator = '=' | '!=' | '>' | '>=' | '<' | '<=' | 'like' | 'in'

export type RunFilter =
  | { kind: 'and' | 'or'; parts: RunFilter[] }
  | { kind: 'not'; part: RunFilter }
  | { kind: 'compare'; field: RunField; comparator: Comparator; values: (string | number)[] }

export const runColumns = ['name', 'state', 'experiment', 'job', 'started_at', 'ended_at', 'owner'] as const

interface Token {
  kind: 'word' | 'number' | 'text' | 'sign'
  text: string
  at: number
}

const tokenPattern =
  /\s+|(?<text>'(?:[^']|'')*')|(?<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<sign><=|>=|!=|<>|[=<>(),])|(?<word>[A-Za-z_][\w]*(?:\.(?:[\w/-]+(?:\.[\w/-]+)*|`[^`]*`|"[^"]*"))?)|(?<rest>.)/gsu

/**
 * Reads a filter of runs: `metrics.f1 > 0.8 and params.algorithm = 'lightgbm'`. Comparisons are = != > >= < <= like and in (…);
 * and, or, not and brackets join them. Names with spaces stand in backticks: params.`learning rate`.
 */
export function parseRunFilter(text: string): RunFilter {
  const tokens = tokensOf(text)
  let next = 0
  const peek = (): Token | undefined => tokens[next]
  const take = (): Token | undefined => tokens[next++]
  const isWord = (token: Token | undefined, word: string) => token?.kind === 'word' && token.text.toLowerCase() === word
  const isSign = (token: Token | undefined, sign: string) => token?.kind === 'sign' && token.text === sign

  function joined(word: 'and' | 'or', part: () => RunFilter): RunFilter {
    const parts = [part()]
    while (isWord(peek(), word)) {
      take()
      parts.push(part())
    }
    return parts.length === 1 ? parts[0]! : { kind: word, parts }
  }
  const any = (): RunFilter => joined('or', all)
  const all = (): RunFilter => joined('and', one)

  function one(): RunFilter {
    if (isWord(peek(), 'not')) {
      take()
      return { kind: 'not', part: one() }
    }
    if (!isSign(peek(), '(')) return comparison()
    if (++depth > 50) throw refuse('has too many brackets', peek())
    take()
    const inside = any()
    if (!isSign(take(), ')')) throw refuse('lacks a closing bracket', tokens[next - 1])
    return inside
  }

  function comparison(): RunFilter {
    const field = fieldOf(take())
    const token = take()
    if (isWord(token, 'in')) {
      if (!isSign(take(), '(')) throw refuse('lacks the bracket after "in"', tokens[next - 1])
      const values = [value(field)]
      while (isSign(peek(), ',')) {
        take()
        values.push(value(field))
      }
      if (!isSign(take(), ')')) throw refuse('lacks the bracket that ends "in (…"', tokens[next - 1])
      return { kind: 'compare', field, comparator: 'in', values }
    }
    if (isWord(token, 'like')) return { kind: 'compare', field, comparator: 'like', values: [value(field)] }
    const comparator = token?.text === '<>' ? '!=' : token?.text
    if (token?.kind !== 'sign' || !['=', '!=', '>', '>=', '<', '<='].includes(comparator!))
      throw refuse(`needs a comparison after "${shown(field)}" (= != > >= < <= like in)`, token)
    return { kind: 'compare', field, comparator: comparator as Comparator, values: [value(field)] }
  }

  function value(field: RunField): string | number {
    const token = take()
    if (token?.kind === 'number') return Number(token.text)
    if (token?.kind === 'text' && field.kind === 'metric')
      throw refuse(`compares the metric "${field.name}" with text; write the number without quotes`, token)
    if (token?.kind === 'text') return token.text.slice(1, -1).replaceAll("''", "'")
    throw refuse(`needs a number or a text in 'single quotes' to compare "${shown(field)}" with`, token)
  }

  function refuse(what: string, token: Token | undefined) {
    const where = token ? `at character ${token.at + 1} ("${token.text}")` : 'at its end'
    return invalidInput(`The filter ${what}, ${where}. Example: metrics.f1 > 0.8 and params.algorithm = 'lightgbm'`, {
      field: 'filter',
      position: token ? token.at + 1 : text.length + 1,
    })
  }

  function fieldOf(token: Token | undefined): RunField {
    if (token?.kind !== 'word') throw refuse('needs a field', token)
    const field = readField(token.text)
    if (!field)
      throw refuse(`does not know "${token.text}"; fields are metrics.NAME, params.NAME, tags, ${runColumns.join(', ')}`, token)
    return field
  }

  let depth = 0
  if (tokens.length === 0) throw refuse('is empty', undefined)
  const filter = any()
  if (next < tokens.length) throw refuse('goes on after it has ended', tokens[next])
  return filter
}

/** A field's name as written, or null when there is no such field. */
export function readField(text: string): RunField | null {
  const dot = text.indexOf('.')
  const head = (dot < 0 ? text : text.slice(0, dot)).toLowerCase()
  const name = dot < 0 ? '' : text.slice(dot + 1).replace(/^[`"](.*)[`"]$/su, '$1')
  if ((head === 'metrics' || head === 'metric') && name) return { kind: 'metric', name }
  if (['params', 'param', 'parameters'].includes(head) && name) return { kind: 'param', name }
  if (head === 'tags' && !name) return { kind: 'tag', name: 'tags' }
  if (dot < 0 && (runColumns as readonly string[]).includes(head)) return { kind: 'column', name: head }
  return null
}

const shown = ({ kind, name }: RunField): string =>
  kind === 'metric' ? `metrics.${name}` : kind === 'param' ? `params.${name}` : name

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (const match of text.matchAll(tokenPattern)) {
    const [kind, found] = Object.entries(match.groups ?? {}).find(([, part]) => part !== undefined) ?? []
    if (!kind || found === undefined) continue
    if (kind === 'rest')
      throw invalidInput(`The filter has a character it cannot read, "${found}", at character ${match.index + 1}.`, {
        field: 'filter',
        position: match.index + 1,
      })
    tokens.push({ kind: kind as Token['kind'], text: found, at: match.index })
  }
  return tokens
}
