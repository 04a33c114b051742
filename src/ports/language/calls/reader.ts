import type { CallSyntax } from './syntax.ts'

export interface ReadPiece {
  index: number
  name?: string
  arguments?: string
}

/** Reads calls as they are written, from the name of the first on. What it reads keeps to the grammar of calls. */
export function callReader({ middle, close, between }: CallSyntax, say: (piece: ReadPiece) => void) {
  let index = 0
  let name = ''
  let doing: 'name' | 'middle' | 'arguments' | 'after' = 'name'
  let toSkip = 0
  let depth = 0
  let isText = false
  let isEscaped = false
  let whole = 0

  function take(character: string): boolean {
    if (doing === 'name') {
      if (character !== '"') {
        name += character
        return false
      }
      say({ index, name })
      doing = 'middle'
      toSkip = middle.length - 1
    } else if (doing === 'middle') {
      if (--toSkip === 0) doing = 'arguments'
    } else if (doing === 'after') {
      if (--toSkip > 0) return false
      index++
      name = ''
      doing = 'name'
    } else {
      if (isEscaped) isEscaped = false
      else if (isText) {
        if (character === '\\') isEscaped = true
        else if (character === '"') isText = false
      } else if (character === '"') isText = true
      else if (character === '{' || character === '[') depth++
      else if ((character === '}' || character === ']') && --depth === 0) {
        whole++
        doing = 'after'
        toSkip = close.length + (between?.length ?? Number.POSITIVE_INFINITY)
      }
      return true
    }
    return false
  }

  return {
    push(text: string): void {
      let given = ''
      // By code units: what is counted here is ASCII, and a character of two units is never divided between pieces.
      for (let i = 0; i < text.length; i++) {
        const at = index
        if (take(text[i]!)) given += text[i]
        if (given !== '' && (doing !== 'arguments' || i === text.length - 1)) {
          say({ index: at, arguments: given })
          given = ''
        }
      }
    },
    /** Calls that are written to the end of their arguments. */
    get whole(): number {
      return whole
    },
    /** No call has begun that is not whole. */
    get isBetween(): boolean {
      return doing === 'after'
    },
  }
}
