import type { ServerEvent } from '../../kernel/route.ts'
import type { CallPiece, Likelihood } from '../../ports/language/language.ts'

/** Events of an answer in their order, for one reader; `left` is called when the reader goes before the end. */
export function eventQueue(left: () => void) {
  const queued: ServerEvent[] = []
  let isEnded = false
  let wake = () => {}
  let sawFirst = () => {}
  const first = new Promise<void>((resolve) => {
    sawFirst = resolve
  })
  return {
    first,
    push(event: ServerEvent): void {
      // A reader that is slow gets what is written in larger pieces.
      const before = queued.at(-1)
      const both = before && joined(before, event)
      if (both) queued[queued.length - 1] = both
      else queued.push(event)
      sawFirst()
      wake()
    },
    end(): void {
      isEnded = true
      wake()
    },
    async *[Symbol.asyncIterator](): AsyncGenerator<ServerEvent> {
      try {
        for (;;) {
          const next = queued.shift()
          if (next) yield next
          else if (isEnded) return
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      } finally {
        left()
      }
    },
  }
}

interface TextData {
  text: string
  logprobs?: Likelihood[]
}

/** Two pieces that follow one another as one; null where they are not of one kind. */
function joined(before: ServerEvent, event: ServerEvent): ServerEvent | null {
  if (event.event === 'text' && before.event === 'text') {
    const [one, two] = [before.data as TextData, event.data as TextData]
    const logprobs = one.logprobs || two.logprobs ? [...(one.logprobs ?? []), ...(two.logprobs ?? [])] : undefined
    return { event: 'text', data: { text: one.text + two.text, ...(logprobs && { logprobs }) } }
  }
  if (event.event === 'call' && before.event === 'call') {
    const [one, two] = [before.data as CallPiece, event.data as CallPiece]
    if (one.index === two.index)
      return { event: 'call', data: { ...one, arguments: (one.arguments ?? '') + (two.arguments ?? '') } }
  }
  return null
}
