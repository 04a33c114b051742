/** Sends one upload in three parts to the folder named, and says how much is there once a part is durable. Killed at every system call by the test. */
import { Readable } from 'node:stream'
import { localIncoming } from '../../src/ports/incoming/local.ts'
import { content, id } from './upload-content.ts'

const incoming = await localIncoming({ root: process.argv[2]! })
await incoming.create(id)
const third = Math.ceil(content.length / 3)
for (let at = 0; at < content.length; at += third) {
  const part = content.subarray(at, at + third)
  const half = part.length >> 1
  const received = await incoming.append(id, at, Readable.from([part.subarray(0, half), part.subarray(half)]), content.length)
  process.stdout.write(`received ${received}\n`)
}
await incoming.finish(id)
