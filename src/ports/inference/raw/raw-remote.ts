import { readFileSync } from 'node:fs'
import { answerRemotely } from '../answer-remotely.ts'
import { openGraph } from '../open-graph.ts'
import type { RawCall, RawTensor } from './raw-graph.ts'

// Runs in a child process.

let opened: Awaited<ReturnType<typeof openGraph>> | null = null

answerRemotely<RawCall, Record<string, RawTensor>>(async (call) => {
  if (call.type === 'open') {
    // Bytes, not a path: the graph then has no folder from which it could name further files.
    opened = await openGraph(readFileSync(call.file))
    return {}
  }
  const { session, Tensor } = opened!
  const feeds = Object.fromEntries(
    Object.entries(call.feeds).map(([name, { type, data, dims }]) => [
      name,
      new Tensor(type as 'float32', data as Float32Array, dims),
    ]),
  )
  const results = await session.run(feeds, call.fetches)
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [name, { type, dims: [...dims], data: data as Float32Array }]),
  )
})
