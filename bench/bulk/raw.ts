/** The limit: ONNX Runtime on one thread, asked about the table's own rows, which lie ready in memory. Prints rows a second at its best batch, and the processor time of a million. */
import { readFileSync } from 'node:fs'
import { openOnnxSession } from '../../src/ports/inference/onnx-session.ts'
import { shapeOf } from '../../src/ports/inference/signature.ts'

const [folder, rowsFile, seconds] = process.argv.slice(2)
const shape = shapeOf(JSON.parse(readFileSync(`${folder}/signature.json`, 'utf8')))
const session = await openOnnxSession(readFileSync(`${folder}/model.onnx`), shape)
const lying = new Float64Array(Uint8Array.from(readFileSync(rowsFile!)).buffer)
const lyingRows = lying.length / shape.numberColumns
let best = { rate: 0, cpuMs: 0 }
for (const rows of [64, 512, 2048]) {
  let at = 0
  const run = () => {
    // Other rows each time: a branch that is learnt by heart costs nothing.
    if (at + rows > lyingRows) at = 0
    const numbers = lying.subarray(at * shape.numberColumns, (at + rows) * shape.numberColumns)
    at += rows
    return session.run({ rows, numbers, strings: [] })
  }
  await run()
  const started = performance.now()
  const cpu = process.cpuUsage()
  let done = 0
  while (performance.now() - started < (1000 * Number(seconds)) / 3) {
    await run()
    done += rows
  }
  const rate = (1000 * done) / (performance.now() - started)
  const { user, system } = process.cpuUsage(cpu)
  if (rate > best.rate) best = { rate, cpuMs: (1e3 * (user + system)) / done }
}
console.log(JSON.stringify(best))
