import { answerRemotely } from '../answer-remotely.ts'
import type { RowAnswer } from './decoding.ts'
import type { TextCall } from './open-text-model.ts'
import { openTextSession, type TextSession } from './text-session.ts'

// Runs in a worker thread or in a child process.

let session: TextSession | null = null

answerRemotely<TextCall, RowAnswer | null>(async (call) => {
  if (call.type === 'open') {
    session = await openTextSession(call.model)
    return null
  }
  const { item, mostMs, unwanted } = call
  return session!.write(item, { mostMs, isUnwanted: () => unwanted !== null && Atomics.load(unwanted, 0) !== 0 })
})
