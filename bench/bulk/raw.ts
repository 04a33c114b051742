/** The limit: ONNX Runtime on one thread, asked again and again about rows that lie ready. Prints rows a second at its best batch. */
import { readFileSync } from 'node:fs'
import { openOnnxSession } from '../../src/ports/inference/onnx-session.ts'
import { shapeOf } from '../../src/ports/inference/signature.ts'

const [folder, seconds] = process.argv.slice(2)
const shape = shapeOf(JSON.parse(readFileSync(`${folder}/signature.json`, 'utf8')))
const session = await openOnnxSession(readFileSync(`${folder}/model.onnx`), shape)
let best = 0
for (const rows of [64, 512, 2048]) {
  const numbers = Float64Array.from({ length: rows * shape.numberColumns }, (_, i) => ((i * 7919) % 997) / 250 - 2)
  const run = () => session.run({ rows, numbers, strings: [] })
  await run()
  const started = performance.now()
  let done = 0
  while (performance.now() - started < (1000 * Number(seconds)) / 3) {
    await run()
    done += rows
  }
  best = Math.max(best, (1000 * done) / (performance.now() - started))
}
console.log(`rate ${best}`)
