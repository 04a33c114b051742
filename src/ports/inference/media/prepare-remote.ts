import { answerRemotely } from '../answer-remotely.ts'
import { openPreparer, type PreparedValue, type Preparer } from './preparer.ts'
import type { PrepareCall } from './remote-preparer.ts'

// Runs in a worker thread or in a child process.

let preparer: Preparer | null = null

answerRemotely<PrepareCall, PreparedValue | null>(
  async (call) => {
    if (call.type === 'prepare') return owned(await preparer!.prepare(call.column, call.value))
    preparer = await openPreparer(call)
    return null
  },
  (prepared) => (prepared ? [prepared.value.buffer as ArrayBuffer] : []),
)

/** A buffer that holds nothing else, and belongs to nobody else, can be handed over. */
const owned = (prepared: PreparedValue): PreparedValue => ({ ...prepared, value: prepared.value.slice() })
