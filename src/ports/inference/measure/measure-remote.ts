import { join } from 'node:path'
import { answerRemotely } from '../answer-remotely.ts'
import { compileEncoder } from '../encode.ts'
import { openMediaEncoder } from '../media/encode-media.ts'
import { loadOnnx } from '../onnx.ts'
import { shapeOf } from '../signature.ts'
import { type Asked, askedModel } from './asked-model.ts'
import type { MeasureCall, Opened } from './measured-model.ts'

// Runs in a child process, so that its memory is the model's own and nobody else is served by it.

let ask: ((requests: unknown[][]) => Promise<Asked>) | null = null
let before = 0

answerRemotely<MeasureCall, Asked | Opened | number>(async (call) => {
  if (call.type === 'ask') return ask!(call.requests)
  // The most that the process ever held, less what it held before the model was there.
  if (call.type === 'memory') return Math.max(0, process.resourceUsage().maxRSS * 1024 - before)
  await import('onnxruntime-node')
  before = process.memoryUsage.rss()
  const { folder, signature, trust } = call.model
  const encoder = shapeOf(signature).media ? await openMediaEncoder(call.model) : compileEncoder(signature)
  const model = await loadOnnx({ file: join(folder, 'model.onnx'), ...shapeOf(signature), trust })
  ask = askedModel(signature, encoder, model)
  return { place: model.place }
})
