import { duration, short, whole } from '../../ui/format.ts'
import type { Writing } from './use-writing.ts'

const ends = {
  stop: '',
  length: 'cut at the most tokens',
  time: 'cut: it took too long',
  calls: 'asks for functions',
  cancelled: 'stopped',
}

/** What the answer took, in one line that is as high before it is known. */
export function WritingFigures({ isWriting, isStopped, answer }: Pick<Writing, 'isWriting' | 'isStopped' | 'answer'>) {
  return (
    <p role="status" className="num min-h-4 text-xs text-faint">
      {isWriting && 'Writing …'}
      {isStopped && 'Stopped.'}
      {answer &&
        [
          `${whole(answer.tokens.prompt)} tokens read, ${whole(answer.tokens.generated)} written`,
          answer.seconds.first !== null && `first after ${duration(answer.seconds.queue + answer.seconds.first)}`,
          speedOf(answer),
          ends[answer.finishReason],
          answer.seed !== null && `seed ${answer.seed}`,
        ]
          .filter(Boolean)
          .join(' · ')}
    </p>
  )
}

/** Tokens in a second from the first on; false where there are too few to say. */
function speedOf({ tokens, seconds }: NonNullable<Writing['answer']>): string | false {
  const writing = seconds.total - seconds.queue - (seconds.first ?? 0)
  return tokens.generated > 1 && writing > 0 && `${short((tokens.generated - 1) / writing, 3)} tokens/s`
}
