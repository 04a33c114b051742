import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { explainedEnsemble } from '../src/ports/inference/trees/explained-trees.ts'
import { readOnnxGraph } from '../src/ports/inference/trees/onnx-graph.ts'
import { treeShap } from '../src/ports/inference/trees/tree-shap.ts'
import { peerPython } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'

const features = 20
const names = {
  boosted: 'XGBoost 500 x depth 6; peer: shap by the library’s own C++, one thread',
  histogram: 'histogram boosting 300 x 31 leaves; peer: shap’s C extension',
  forest: 'random forest 50 grown trees; peer: shap’s C extension',
}

/** F3: TreeSHAP of the served graph against the package shap, one core each, in turn on the same rows. ATOLL_SHAP_PYTHON names an interpreter that has shap. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const python = process.env.ATOLL_SHAP_PYTHON ?? peerPython(join(import.meta.dirname, 'explain', 'requirements.txt'))
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-explain-'))
  const one = { OMP_NUM_THREADS: '1', PYTHONPATH: join(import.meta.dirname, '..', 'python') }
  const peer = spawn(python, [join(import.meta.dirname, 'explain', 'shap_peer.py'), folder, quick ? '200' : '1000'], {
    env: { ...process.env, ...one },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]()
    const next = async (): Promise<string> => {
      const { value, done } = await lines.next()
      if (done) throw new Error('The peer ended.')
      return value
    }
    const counts = JSON.parse(await next()) as Record<string, number>
    const rows = new Float32Array(new Uint8Array(readFileSync(join(folder, 'rows.f32'))).buffer)
    const results: BenchResult[] = []
    for (const [name, what] of Object.entries(names)) {
      const count = counts[name]!
      const given = rows.subarray(0, count * features)
      const trees = readOnnxGraph(readFileSync(join(folder, `${name}.onnx`))).nodes.find(
        ({ op }) => op === 'TreeEnsembleRegressor',
      )
      const shap = treeShap(explainedEnsemble(trees!, features)!)
      const worst = worstOf(shap.explain(count, given), join(folder, `${name}.f64`))
      if (worst > 1e-5) throw new Error(`${name}: the contributions differ by up to ${worst}.`)
      const ours: number[] = []
      const theirs: number[] = []
      for (let round = 0; round < rounds; round++) {
        const turns = [
          async () => {
            const start = performance.now()
            shap.explain(count, given)
            ours.push(count / ((performance.now() - start) / 1000))
          },
          async () => {
            peer.stdin.write(`${name}\n`)
            theirs.push(count / Number(await next()))
          },
        ]
        for (const turn of round % 2 === 0 ? turns : turns.reverse()) {
          await quietMoment()
          await turn()
        }
        console.error(`${name}, round ${round + 1}: ours ${ours.at(-1)!.toFixed(0)}, shap ${theirs.at(-1)!.toFixed(0)} rows/s`)
      }
      results.push(
        judged({
          id: 'F3',
          suite: 'explain',
          what: `TreeSHAP, ${what}`,
          ours: { value: median(ours), unit: 'rows/s' },
          against: { name: 'shap', value: median(theirs) },
          ratio: pairedRatio(ours, theirs),
          goal: { compare: '>=', value: 1, of: 'ratio' },
          note: `${count} rows, ${rounds} rounds in turn; contributions agree within ${worst.toExponential(1)}`,
        }),
      )
    }
    return results
  } finally {
    peer.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The largest difference, relative to contributions above 1: the peer adds float32. */
function worstOf(found: Float64Array, file: string): number {
  const wanted = new Float64Array(new Uint8Array(readFileSync(file)).buffer)
  if (wanted.length !== found.length) throw new Error(`${found.length} contributions, ${wanted.length} of the peer.`)
  return wanted.reduce((worst, value, i) => Math.max(worst, Math.abs(value - found[i]!) / Math.max(1, Math.abs(value))), 0)
}
