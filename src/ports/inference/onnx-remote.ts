import { readFileSync } from 'node:fs'
import { answerRemotely } from './answer-remotely.ts'
import { openOnnxSession } from './onnx-session.ts'
import type { Opened, SessionCall } from './remote-session.ts'
import type { Session } from './session.ts'

// Runs in a worker thread or in a child process.

let session: Session | null = null

answerRemotely<SessionCall, Float32Array | Opened>(
  async (call) => {
    if (call.type === 'run') return (await session!.run(call.batch)).slice()
    // Bytes, not a path: the graph then has no folder from which it could name further files.
    session = await openOnnxSession(readFileSync(call.model.file), call.model)
    return { isMasked: session.isMasked ?? false }
  },
  (answer) => ('buffer' in answer ? [answer.buffer as ArrayBuffer] : []),
)
