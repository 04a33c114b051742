import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holm, resampledDifference } from './resampled-t.ts'
import { studentCdf, studentQuantile, studentTwoSided } from './student.ts'

function close(found: number, expected: number, tolerance = 1e-10): void {
  assert.ok(Math.abs(found - expected) <= tolerance * Math.max(1e-3, Math.abs(expected)), `${found}, expected ${expected}`)
}

test("Student's distribution equals SciPy's", () => {
  for (const [t, degrees, below, twoSided] of [
    [0.5, 3, 0.6742760175759245, 0.651447964848151],
    [2.1, 24, 0.9767892489083825, 0.04642150218323497],
    [-1.3, 9, 0.11295318633652467, 0.22590637267304933],
    [4.7, 49, 0.9999892684294724, 2.146314105506171e-5],
    [12, 5, 0.9999645525374142, 7.089492517161522e-5],
  ] as const) {
    close(studentCdf(t, degrees), below)
    close(studentTwoSided(t, degrees), twoSided)
  }
  close(studentQuantile(0.975, 24), 2.0638985616280245)
  close(studentQuantile(0.95, 9), 1.833112932656237)
  close(studentQuantile(0.005, 3), -5.840909309733355)
})

const folds = [0.021, 0.013, 0.034, -0.004, 0.018, 0.027, 0.009, 0.031, 0.002, 0.016]

test('the corrected resampled t-test equals its formula as SciPy computes it: two repeats of five folds', () => {
  const found = resampledDifference(folds, { testShare: 1 / 5, delta: 0.04 })
  close(found.mean, 0.0167)
  close(found.deviation, 0.012238827104297573)
  close(found.standardError, 0.0072405877600586485)
  close(found.t!, 2.3064425918738856)
  close(found.pValue, 0.04650648472028339, 1e-9)
  close(found.low, 0.0003206525357143178, 1e-9)
  close(found.high, 0.03307934746428568, 1e-9)
  close(found.equivalence!.pValue, 0.005261781954654426, 1e-9)
  close(found.effect!.value, 0.0167 / 0.012238827104297573)
})

test('the correction makes the test wary: the plain one would find 0.002 here', () => {
  const plain = studentTwoSided(0.0167 / (0.012238827104297573 / Math.sqrt(10)), 9)
  assert.ok(plain < 0.003 && resampledDifference(folds, { testShare: 0.2, delta: null }).pValue > 15 * plain)
})

test('differences that do not vary leave nothing to test', () => {
  const same = resampledDifference([0, 0, 0, 0], { testShare: 0.2, delta: 0.01 })
  assert.deepEqual([same.pValue, same.t, same.effect, same.equivalence?.pValue], [1, null, null, 0])
})

test("Holm's adjustment equals that of R's p.adjust", () => {
  assert.deepEqual(
    holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(10))),
    [0.03, 0.06, 0.06, 0.02],
  )
  assert.deepEqual(holm([0.9, 0.5]), [1, 1])
})
