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
      if (!before || !join(before, event)) queued.push(copied(event))
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

/** What is added to is the queue's own. */
function copied({ event, data }: ServerEvent): ServerEvent {
  if (event !== 'text') return { event, data: event === 'call' ? { ...(data as CallPiece) } : data }
  const { text, logprobs } = data as TextData
  return { event, data: { text, ...(logprobs && { logprobs: [...logprobs] }) } }
}

/** Adds a piece to the one before it, without touching what is there already; false where they are not of one kind. */
function join(before: ServerEvent, event: ServerEvent): boolean {
  if (event.event === 'text' && before.event === 'text') {
    const [one, two] = [before.data as TextData, event.data as TextData]
    one.text += two.text
    if (two.logprobs) {
      one.logprobs ??= []
      for (const likelihood of two.logprobs) one.logprobs.push(likelihood)
    }
    return true
  }
  if (event.event === 'call' && before.event === 'call') {
    const [one, two] = [before.data as CallPiece, event.data as CallPiece]
    if (one.index !== two.index) return false
    one.arguments = (one.arguments ?? '') + (two.arguments ?? '')
    return true
  }
  return false
}
