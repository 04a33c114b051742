import { answerRemotely } from '../answer-remotely.ts'
import type { PreparedItem } from '../inference.ts'
import type { RowAnswer } from './in-turn.ts'
import type { RowCall, RowLimits } from './open-in-turn.ts'

/** In a worker thread or a child process: opens a model, then answers one row after the other. */
export function answerInTurn<Files, Answer extends RowAnswer>(
  open: (files: Files) => Promise<(item: PreparedItem, limits: RowLimits) => Promise<Answer>>,
): void {
  let answer: ((item: PreparedItem, limits: RowLimits) => Promise<Answer>) | null = null
  answerRemotely<RowCall<Files>, Answer | null>(async (call) => {
    if (call.type === 'open') {
      answer = await open(call.model)
      return null
    }
    const { item, mostMs, unwanted } = call
    return answer!(item, { mostMs, isUnwanted: () => unwanted !== null && Atomics.load(unwanted, 0) !== 0 })
  })
}
