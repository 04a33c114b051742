import { invalidInput } from '../../../kernel/errors.ts'

/**
 * The language of recipes' derived columns (docs/recipes.md), evaluated row by row, with points in names (`churn.probabilities.yes`),
 * texts as results and `concat` to make them. Nothing is ever run as a program. A missing value makes the result missing, except in `coalesce`, `is_missing` and the
 * branch that `if` does not take; so do a division by zero, and roots and logarithms of what has none.
 */
export interface Expression {
  /** The columns that it reads, each once. */
  names: string[]
  kind: ValueKind
  evaluate(row: Readonly<Record<string, unknown>>): number | string | null
}

/** Truth is 1 or 0. */
export type ValueKind = 'number' | 'text'

type Node =
  | { is: 'number'; value: number }
  | { is: 'text'; value: string }
  | { is: 'name'; name: string; at: number }
  | { is: 'call'; name: string; given: Node[]; at: number }

type Value = number | string | null

const functions: Record<string, [least: number, most: number]> = {
  min: [2, 20],
  max: [2, 20],
  abs: [1, 1],
  log: [1, 1],
  log1p: [1, 1],
  sqrt: [1, 1],
  if: [3, 3],
  is_missing: [1, 1],
  coalesce: [2, 20],
  concat: [2, 20],
}
const comparisons = new Set(['==', '!=', '<=', '>=', '<', '>'])
const limits = { characters: 4000, parts: 300, depth: 40 }
const token =
  /(?<space>\s+)|(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<quoted>`(?:[^`]|``)*`)|(?<text>"[^"]*"|'[^']*')|(?<name>[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}\p{N}_]+)*)|(?<sign>==|!=|<=|>=|[-+*/<>(),])/uy

/** Reads an expression over columns whose kinds are known; a mistake is told with its position (from 1). */
export function compileExpression(source: string, kindOf: (name: string) => ValueKind | null): Expression {
  const tree = parse(source)
  const names = new Set<string>()
  const kind = check(tree, kindOf, names)
  return { names: [...names], kind, evaluate: (row) => evaluate(tree, row) }
}

/** The columns that an expression reads. */
export function namesIn(source: string): string[] {
  const names = new Set<string>()
  const walk = (node: Node): void => {
    if (node.is === 'name') names.add(node.name)
    if (node.is === 'call') node.given.forEach(walk)
  }
  walk(parse(source))
  return [...names]
}

interface Token {
  kind: string
  text: string
  at: number
}

const wrong = (message: string, at: number): Error => invalidInput(`Position ${at}: ${message}`, { position: at })

function tokensOf(source: string): Token[] {
  if (source.length > limits.characters)
    throw wrong(`the expression is longer than ${limits.characters} characters.`, limits.characters)
  const tokens: Token[] = []
  for (let place = 0; place < source.length; place = token.lastIndex) {
    token.lastIndex = place
    const groups = token.exec(source)?.groups
    if (!groups)
      throw wrong(`"${source[place]}" has no meaning here.${source[place] === '=' ? ' Compare with "==".' : ''}`, place + 1)
    const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined)!
    if (kind !== 'space') tokens.push({ kind, text, at: place + 1 })
    if (tokens.length > limits.parts) throw wrong(`the expression has more than ${limits.parts} parts.`, place + 1)
  }
  return [...tokens, { kind: 'end', text: '', at: source.length + 1 }]
}

function parse(source: string): Node {
  const tokens = tokensOf(source)
  let place = 0
  let depth = 0
  const now = () => tokens[place]!
  const isSign = (...signs: string[]) => now().kind === 'sign' && signs.includes(now().text)
  const unexpected = (wanted: string) =>
    wrong(`${wanted} was expected, but ${now().kind === 'end' ? 'the expression ends' : `there is "${now().text}"`}.`, now().at)
  const expect = (sign: string) => {
    if (!isSign(sign)) throw unexpected(`"${sign}"`)
    place++
  }

  function comparison(): Node {
    if (++depth > limits.depth) throw wrong(`the expression is nested more than ${limits.depth} deep.`, now().at)
    let node = sum()
    if (now().kind === 'sign' && comparisons.has(now().text)) {
      const { text, at } = tokens[place++]!
      node = { is: 'call', name: text, given: [node, sum()], at }
    }
    depth--
    return node
  }
  const sum = (): Node => chain(['+', '-'], () => chain(['*', '/'], unary))

  function chain(signs: string[], part: () => Node): Node {
    let node = part()
    while (isSign(...signs)) {
      const { text, at } = tokens[place++]!
      node = { is: 'call', name: text, given: [node, part()], at }
    }
    return node
  }

  function unary(): Node {
    let minus = 0
    const { at } = now()
    for (; isSign('-'); place++) minus++
    const node = atom()
    return minus % 2 ? { is: 'call', name: '-', given: [{ is: 'number', value: 0 }, node], at } : node
  }

  function atom(): Node {
    const { kind, text, at } = now()
    if (kind === 'end' || (kind === 'sign' && text !== '(')) throw unexpected('a number, a column or a bracket')
    place++
    if (kind === 'number') return { is: 'number', value: Number(text) }
    if (kind === 'text') return { is: 'text', value: text.slice(1, -1) }
    if (kind === 'quoted') return { is: 'name', name: text.slice(1, -1).replaceAll('``', '`'), at }
    if (kind === 'name') return isSign('(') ? call(text, at) : { is: 'name', name: text, at }
    const node = comparison()
    expect(')')
    return node
  }

  function call(name: string, at: number): Node {
    const taken = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (!taken) throw wrong(`there is no function "${name}". There are: ${Object.keys(functions).join(', ')}.`, at)
    place++
    const given = [comparison()]
    while (isSign(',')) {
      place++
      given.push(comparison())
    }
    expect(')')
    const [least, most] = taken
    if (given.length < least || given.length > most)
      throw wrong(`${name}() takes ${least === most ? least : `${least} or more`} arguments, and ${given.length} are given.`, at)
    return { is: 'call', name, given, at }
  }

  if (now().kind === 'end') throw wrong('the expression is empty.', 1)
  const tree = comparison()
  if (now().kind !== 'end') throw unexpected('an operator')
  return tree
}

function check(node: Node, kindOf: (name: string) => ValueKind | null, names: Set<string>): ValueKind {
  if (node.is !== 'call') {
    if (node.is !== 'name') return node.is
    const kind = kindOf(node.name)
    if (kind === null)
      throw invalidInput(`Position ${node.at}: there is no column "${node.name}" here.`, { position: node.at, column: node.name })
    names.add(node.name)
    return kind
  }
  const kinds = node.given.map((one) => check(one, kindOf, names))
  const { name, at } = node
  if (name === 'is_missing') return 'number'
  const alike = (some: ValueKind[]) => {
    if (some.some((kind) => kind !== some[0])) throw wrong(`${name} is given a text and a number.`, at)
    return some[0]!
  }
  if (comparisons.has(name)) {
    alike(kinds)
    return 'number'
  }
  if (name === 'concat') return 'text'
  if (name === 'coalesce') return alike(kinds)
  if (name === 'if') {
    if (kinds[0] !== 'number') throw wrong('if() asks about a text; compare it first.', at)
    return alike(kinds.slice(1))
  }
  if (kinds.includes('text')) throw wrong(`${name} is given a text, which is no number.`, at)
  return 'number'
}

function evaluate(node: Node, row: Readonly<Record<string, unknown>>): Value {
  if (node.is === 'number' || node.is === 'text') return node.value
  if (node.is === 'name') return plain(row[node.name])
  const { name, given } = node
  if (name === 'is_missing') return evaluate(given[0]!, row) === null ? 1 : 0
  if (name === 'coalesce') {
    for (const one of given) {
      const value = evaluate(one, row)
      if (value !== null) return value
    }
    return null
  }
  if (name === 'if') {
    const asked = evaluate(given[0]!, row)
    return asked === null ? null : evaluate(given[asked !== 0 ? 1 : 2]!, row)
  }
  const values = given.map((one) => evaluate(one, row))
  if (values.some((value) => value === null)) return null
  if (name === 'concat') return values.join('')
  const result = operate(name, values as (number | string)[])
  return typeof result === 'number' && !Number.isFinite(result) ? null : result
}

function operate(name: string, [a, b, ...others]: (number | string)[]): number {
  const [x, y] = [a as number, b as number]
  switch (name) {
    case '+':
      return x + y
    case '-':
      return x - y
    case '*':
      return x * y
    case '/':
      return x / y
    case '==':
      return a === b ? 1 : 0
    case '!=':
      return a !== b ? 1 : 0
    case '<':
      return a! < b! ? 1 : 0
    case '<=':
      return a! <= b! ? 1 : 0
    case '>':
      return a! > b! ? 1 : 0
    case '>=':
      return a! >= b! ? 1 : 0
    case 'min':
      return Math.min(x, y, ...(others as number[]))
    case 'max':
      return Math.max(x, y, ...(others as number[]))
    case 'abs':
      return Math.abs(x)
    case 'sqrt':
      return Math.sqrt(x)
    case 'log1p':
      return Math.log1p(x)
    default:
      return Math.log(x)
  }
}

/** A cell as an expression sees it: the empty text is missing, truth is 1 or 0. */
function plain(value: unknown): Value {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'string' && value !== '' ? value : null
}
