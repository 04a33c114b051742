import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openOnnxSession } from '../onnx-session.ts'
import { openTreeExplainer } from './open-tree-explainer.ts'
import { gaussLegendre } from './quadrature.ts'

interface Case {
  width: number
  rows: (number | null)[][]
  expected: number[]
  values: number[][][]
}

const place = (name: string) => new URL(`./reference/${name}`, import.meta.url)
const { cases } = JSON.parse(readFileSync(place('figures.json'), 'utf8')) as { cases: Record<string, Case> }
const units = { boosted: 'answer', light: 'log_odds', histogram: 'margin', forest: 'answer' } as const

for (const [name, { width, rows, expected, values }] of Object.entries(cases)) {
  test(`TreeSHAP of a ${name} ensemble is what shap says, within 1e-5, and adds up to the answer`, async () => {
    const file = fileURLToPath(place(`${name}.onnx`))
    const shape = { numberColumns: rows[0]!.length, stringColumns: 0, width }
    const explainer = await openTreeExplainer({ file, ...shape, trust: 'built' })
    assert.ok(explainer)
    const batch = {
      rows: rows.length,
      numbers: Float64Array.from(rows.flat(), (value) => value ?? Number.NaN),
      strings: [],
    }
    try {
      assert.equal(explainer.unit, units[name as keyof typeof units])
      const found = (await explainer.explain(batch)).values
      const wanted = values.flat(2)
      assert.equal(found.length, wanted.length)
      for (const [i, value] of wanted.entries())
        assert.ok(Math.abs(value - found[i]!) < 1e-5, `${i}: ${found[i]} is not ${value}`)
      for (const [k, value] of expected.entries()) assert.ok(Math.abs(value - explainer.expected[k]!) < 1e-5)

      const session = await openOnnxSession(readFileSync(file), shape)
      const answers = await session.run(batch)
      await session.close()
      const outputs = explainer.outputs
      for (let r = 0; r < rows.length; r++) {
        const sums = [...explainer.expected]
        for (let i = 0; i < explainer.features * outputs; i++) sums[i % outputs]! += found[r * explainer.features * outputs + i]!
        for (let k = 0; k < outputs; k++) {
          const answer =
            explainer.unit === 'answer'
              ? sums[k]!
              : explainer.unit === 'log_odds'
                ? 1 / (1 + Math.exp(-sums[k]!))
                : Math.exp(sums[k]!) / sums.reduce((total, sum) => total + Math.exp(sum), 0)
          const said = answers[r * width + (width === 2 ? 1 : k)]!
          assert.ok(Math.abs(answer - said) < 1e-5 * Math.max(1, Math.abs(said)), `row ${r}: ${answer} is not ${said}`)
        }
      }
    } finally {
      await explainer.close()
    }
  })
}

test('a graph that keeps no covers, or no trees, is not explained by paths', async () => {
  for (const name of ['trees-sigmoid', 'binary']) {
    const file = fileURLToPath(new URL(`../fixtures/${name}.onnx`, import.meta.url))
    assert.equal(await openTreeExplainer({ file, numberColumns: 4, stringColumns: 0, width: 2, trust: 'built' }), null)
  }
})

test('the quadrature is exact for polynomials of twice its points', () => {
  for (const n of [1, 2, 5, 16]) {
    const { points, weights } = gaussLegendre(n)
    for (let degree = 0; degree < 2 * n; degree++) {
      const sum = points.reduce((total, x, i) => total + weights[i]! * x ** degree, 0)
      assert.ok(Math.abs(sum - 1 / (degree + 1)) < 1e-13, `${n} points, degree ${degree}`)
    }
  }
})
