import { invalidInput } from '../../../kernel/errors.ts'

/** Larger schemas are refused: each rule is looked at for every token of the vocabulary. */
const mostRules = 4_000
const mostCharacters = 200_000
const mostRepeats = 8_000

/** Rules of a grammar in llama.cpp's notation (GBNF; github.com/ggml-org/llama.cpp, grammars/README.md). */
export class Rules {
  private readonly rules = new Map<string, string>()
  private characters = 0
  private repeats = 0
  private readonly field: string

  constructor(field: string) {
    this.field = field
    this.shared('ws', '" "?')
  }

  /** A rule under a name of its own; answers the name. */
  add(body: string): string {
    const name = `r${this.rules.size}`
    this.set(name, body)
    return name
  }

  /** A name for a rule that is still to come, so that it may speak of itself. */
  reserve(): string {
    return this.add('ws')
  }

  set(name: string, body: string): void {
    this.characters += body.length
    this.rules.set(name, body)
    if (this.rules.size > mostRules || this.characters > mostCharacters)
      throw invalidInput('The schema is too large to be held to while writing. Send a smaller one.', { field: this.field })
  }

  /** A rule that many use, by its name. */
  shared(name: string, body: string): string {
    if (!this.rules.has(name)) this.set(name, body)
    return name
  }

  has(name: string): boolean {
    return this.rules.has(name)
  }

  /** A part from so many to so many times. */
  repeat(part: string, least: number, most: number | null): string {
    if (most === null) {
      this.spend(least)
      return least === 0 ? `${part}*` : `${part}{${least},}`
    }
    this.spend(most)
    return `${part}{${least},${most}}`
  }

  /** The grammar's text, from the rule that all begins with. */
  text(root: string): string {
    return [`root ::= ${root}`, ...[...this.rules].map(([name, body]) => `${name} ::= ${body}`)].join('\n')
  }

  private spend(times: number): void {
    this.repeats += times
    if (this.repeats > mostRepeats)
      throw invalidInput(
        `The lengths and counts in the schema add up to more than ${mostRepeats}, which cannot be held to while writing. Send smaller ones, or none.`,
        { field: this.field },
      )
  }
}

/** A text as a literal of the notation. */
export const literal = (text: string): string =>
  `"${text.replace(/["\\\n\r\t]|[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\r') return '\\r'
    if (character === '\t') return '\\t'
    if (character === '"' || character === '\\') return `\\${character}`
    const code = character.codePointAt(0)!
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
  })}"`
