import { parentPort } from 'node:worker_threads'
import type { Facts } from '../../kernel/errors.ts'
import type { RemoteAnswer } from './remote.ts'

/** The other side of `openRemote`, in a worker thread or a child process: answers one message at a time. */
export function answerRemotely<Call, Value>(
  answer: (call: Call) => Promise<Value>,
  buffersOf: (value: Value) => ArrayBuffer[] = () => [],
): void {
  let last: Promise<void> = Promise.resolve()

  async function reply(call: Call & { id: number }): Promise<void> {
    try {
      const value = await answer(call)
      send({ id: call.id, value }, buffersOf(value))
    } catch (error) {
      const { message, code, facts } = error as { message: string; code?: string; facts?: Facts }
      send({ id: call.id, error: { message, code: code ?? null, facts } })
    }
  }

  function send(message: RemoteAnswer<Value>, buffers: ArrayBuffer[] = []): void {
    if (parentPort) parentPort.postMessage(message, buffers)
    else process.send!(message)
  }

  const receive = (call: Call & { id: number }) => {
    last = last.then(() => reply(call))
  }
  if (parentPort) parentPort.on('message', receive)
  else {
    process.on('message', receive)
    process.on('disconnect', () => process.exit(0))
  }
}
