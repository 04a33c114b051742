/** node-llama-cpp by itself, with the same context and threads: answers messages of its parent. */
import { getLlama, type Token } from 'node-llama-cpp'

const [file, threads, contextSize] = process.argv.slice(2)
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false, maxThreads: Number(threads) })
const model = await llama.loadModel({ modelPath: file!, gpuLayers: 0 })
const context = await model.createContext({
  contextSize: Number(contextSize),
  sequences: 1,
  threads: Number(threads),
  batchSize: 512,
})
const sequence = context.getSequence()
process.on('message', async ({ prompt, tokens }: { prompt: string; tokens: number }) => {
  const began = performance.now()
  await sequence.clearHistory()
  let first = 0
  const written: Token[] = []
  for await (const token of sequence.evaluate(model.tokenize(prompt), { temperature: 0 })) {
    if (written.length === 0) first = performance.now() - began
    // As any caller would, to show it.
    model.detokenize([token])
    if (written.push(token) === tokens) break
  }
  const perSecond = ((written.length - 1) * 1000) / (performance.now() - began - first)
  process.send!({ firstMs: first, perSecond, text: model.detokenize(written) })
})
process.on('disconnect', () => process.exit(0))
process.send!('ready')
