import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { openOnnxSession } from './onnx-session.ts'
import type { RemoteAnswer, RemoteRequest } from './remote-session.ts'
import type { Session } from './session.ts'

// Runs in a worker thread or in a child process: answers one request at a time.

let session: Session | null = null
let last: Promise<void> = Promise.resolve()

function receive(request: RemoteRequest): void {
  last = last.then(() => answer(request))
}

async function answer(request: RemoteRequest): Promise<void> {
  try {
    if (request.type === 'open') {
      // Bytes, not a path: the graph then has no folder from which it could name further files.
      session = await openOnnxSession(readFileSync(request.model.file), request.model)
      send({ id: request.id, values: null })
    } else {
      send({ id: request.id, values: (await session!.run(request.batch)).slice() })
    }
  } catch (error) {
    const { message, code } = error as { message: string; code?: string }
    send({ id: request.id, error: { message, code: code ?? null } })
  }
}

function send(message: RemoteAnswer): void {
  if (parentPort)
    parentPort.postMessage(message, 'values' in message && message.values ? [message.values.buffer as ArrayBuffer] : [])
  else process.send!(message)
}

if (parentPort) parentPort.on('message', receive)
else {
  process.on('message', receive)
  process.on('disconnect', () => process.exit(0))
}
