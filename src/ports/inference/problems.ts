import { isPlatformError, type PlatformError, unprocessable } from '../../kernel/errors.ts'

/** One thing that a row has which the model does not take, or lacks. */
export interface RowProblem {
  row: number
  column: string | null
  /** row: it is no row at all; value: of the right type, but not to be used. */
  problem: 'missing' | 'unknown' | 'type' | 'value' | 'row'
  /** The column's type. */
  expected?: string
  message: string
}

export const mostProblems = 100
const toldInWords = 3

/** What is wrong with the rows of one call, all of it up to a bound: a caller mends them at once, not one by one. */
export class Problems {
  private readonly list: RowProblem[] = []

  get isFull(): boolean {
    return this.list.length >= mostProblems
  }

  get isEmpty(): boolean {
    return this.list.length === 0
  }

  /** Does something, and remembers why it was refused if it was. */
  gather(work: () => unknown): void {
    try {
      work()
    } catch (error) {
      this.add(error)
    }
  }

  /** Takes a refusal, with all that it lists; anything else is thrown on. */
  add(error: unknown): void {
    if (!isPlatformError(error) || error.code !== 'unprocessable') throw error
    const {
      row,
      column = null,
      problem = 'value',
      expected,
      problems,
    } = error.facts as Partial<RowProblem> & { problems?: RowProblem[] }
    const found = problems ?? [
      { row: row ?? 0, column, problem, ...(expected !== undefined && { expected }), message: error.message },
    ]
    this.list.push(...found.slice(0, mostProblems - this.list.length))
  }

  asError(): PlatformError | null {
    const found = [...this.list].sort((a, b) => a.row - b.row)
    const [first] = found
    if (!first) return null
    const more = found.length - toldInWords
    // What it takes is said once, not with each field that it does not.
    const shown = found.slice(0, toldInWords)
    const words = shown.map(({ message }, i) => (i < shown.length - 1 ? message.replace(/ It takes: .*$/s, '') : message))
    if (more > 0) words.push(`And ${this.isFull ? 'at least ' : ''}${more} more.`)
    const { message: _, ...facts } = first
    return unprocessable(words.join(' '), { ...facts, problems: found, ...(this.isFull && { andMore: true }) })
  }
}
