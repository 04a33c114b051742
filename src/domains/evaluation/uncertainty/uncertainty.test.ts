import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ClassPredictions, NumberPredictions } from '../statistics/predictions.ts'
import { randomFrom } from '../statistics/random.ts'
import { compileUncertain } from './answer.ts'
import { confidenceFor, riskCoverage } from './confidence.ts'
import { limitsOf, predictionSet, setLimits, widthAt } from './conformal.ts'
import { judge, share, uncertaintyOf } from './judge.ts'
import { bestTemperature, recalibrations, reliability } from './recalibration.ts'
import { coverages } from './schema.ts'

const figures = JSON.parse(readFileSync(new URL('./reference/figures.json', import.meta.url), 'utf8'))

const classesOf = ({ actual, probabilities }: { actual: number[]; probabilities: number[][] }): ClassPredictions => ({
  kind: 'classes',
  classes: probabilities[0]!.length,
  actual: Int32Array.from(actual),
  label: Int32Array.from(actual),
  probabilities: Float64Array.from(probabilities.flat()),
})
const none = { positive: null, threshold: null }
const near = (a: number | null, b: number | null, within: number) =>
  assert.ok(a === b || Math.abs(a! - b!) <= within, `${a} is not ${b} within ${within}`)

test('limits of sets are the textbook quantiles', () => {
  const sets = setLimits(classesOf(figures.classes))
  figures.coverages.forEach((coverage: number, i: number) => {
    const level = coverages.indexOf(coverage)
    near(sets.lac[level]!, figures.classes.lac[i], 1e-12)
    near(sets.aps[level]!, figures.classes.aps[i], 1e-12)
    for (let k = 0; k < 3; k++) near(sets.byClass[k]![level]!, figures.classes.byClass[k][i], 1e-12)
  })
})

test('what too few rows cannot promise is not promised', () => {
  const limits = limitsOf(Float64Array.from([3, 1, 2, 5, 4, 7, 6, 9, 8]))
  assert.equal(limits[coverages.indexOf(0.9)], 9, 'nine rows hold 0.9: (9 + 1) 0.9 = 9')
  assert.equal(limits[coverages.indexOf(0.91)], null)
  const sets = { lac: coverages.map(() => null), aps: coverages.map(() => null), byClass: [] }
  assert.deepEqual(predictionSet(sets, { kind: 'lac', level: 0 }, [0.9, 0.1]), [0, 1], 'then every class is in the set')
})

test('log loss, Brier score and temperature are those of scikit-learn and SciPy', async () => {
  const predictions = classesOf(figures.classes)
  near(reliability(predictions).logLoss, figures.classes.logLoss, 1e-9)
  near(bestTemperature(predictions), figures.classes.temperature, 1e-3)
  const binary = classesOf(figures.binary)
  near(reliability(binary).brier, figures.binary.brier, 1e-12)
  near((await recalibrations(binary)).isotonic.brier, figures.binary.isotonicBrier, 1e-6)
  const mended = await recalibrations(predictions)
  assert.ok(mended.temperature.logLoss < mended.asServed.logLoss - 0.05, 'the figures were made twice too sure')
})

/** Rows whose true class follows the probabilities. */
function drawClasses(rows: number, seed: number): ClassPredictions {
  const random = randomFrom(seed)
  const probabilities = new Float64Array(rows * 3)
  const actual = new Int32Array(rows)
  for (let r = 0; r < rows; r++) {
    const raw = [random.next() ** 3, random.next(), random.next() ** 2]
    const sum = raw.reduce((a, b) => a + b, 0)
    raw.forEach((one, k) => {
      probabilities[r * 3 + k] = one / sum
    })
    // The model is wrong about how sure it is: the truth is flatter.
    const flat = raw.map((one) => one / sum / 2 + 1 / 6)
    let place = random.next()
    actual[r] = flat.findIndex((one) => {
      place -= one
      return place < 0
    })
    if (actual[r] === -1) actual[r] = 2
  }
  return { kind: 'classes', classes: 3, actual, label: actual, probabilities }
}

test('sets cover new rows as often as they promise, though the probabilities are wrong', async () => {
  const uncertainty = await uncertaintyOf(drawClasses(4000, 1), none)
  const judged = judge(uncertainty, drawClasses(4000, 2), none)
  for (const one of judged.sets) {
    assert.ok(one.covered >= one.coverage - 0.025, `${one.kind} ${one.coverage}: ${one.covered}`)
    // Lower ones are passed because the likeliest class is always in the set.
    if (one.kind === 'lac' && one.coverage >= 0.8) assert.ok(one.covered <= one.coverage + 0.025)
    if (one.kind === 'by_class')
      for (const covered of one.byClass!) assert.ok(covered! >= one.coverage - 0.04, `${one.coverage} ${one.byClass}`)
    assert.ok(one.meanSize >= 1 && one.meanSize <= 3)
  }
})

function drawNumbers(rows: number, seed: number): NumberPredictions {
  const random = randomFrom(seed)
  const predicted = Float64Array.from({ length: rows }, () => random.next() * 10)
  // Errors grow with the prediction.
  const actual = predicted.map((value) => value + (random.next() + random.next() - 1) * (0.2 + value))
  return { kind: 'numbers', actual, predicted }
}

test('intervals cover new rows as often as they promise, and are narrower where errors are small', async () => {
  const uncertainty = await uncertaintyOf(drawNumbers(4000, 3), none)
  const judged = judge(uncertainty, drawNumbers(4000, 4), none)
  for (const one of judged.sets)
    assert.ok(Math.abs(one.covered - one.coverage) <= 0.025, `${one.kind} ${one.coverage}: ${one.covered}`)
  const width = (kind: string) => judged.sets.find((one) => one.kind === kind && one.coverage === 0.9)!.meanSize
  assert.ok(width('normalised') < 0.9 * width('absolute'))
  const { at, width: usual } = uncertainty.intervals!.normalised!
  assert.ok(widthAt({ at, width: usual }, 1) < widthAt({ at, width: usual }, 9) / 3)
})

test('the surest rows are answered first, equally sure ones together', () => {
  const curve = riskCoverage(Float64Array.from([0.9, 0.5, 0.5, 0.7]), Float64Array.from([0, 1, 0, 1]))
  assert.deepEqual(curve, { share: [0.25, 0.5, 1], risk: [0, 0.5, 0.5], confidence: [0.9, 0.7, 0.5] })
  assert.equal(confidenceFor(curve, 0.5), 0.7)
  assert.equal(confidenceFor(curve, 1), Number.NEGATIVE_INFINITY)
})

test('a share is given with its score interval', () => {
  const { covered, low, high } = share(90, 100)
  assert.deepEqual([covered, low.toFixed(4), high.toFixed(4)], [0.9, '0.8256', '0.9448'])
})

test('a prediction says its set, and whether it should be left to a person', async () => {
  const uncertainty = await uncertaintyOf(drawClasses(1000, 5), none)
  const signature = { task: 'multiclass', classes: ['a', 'b', 'c'], positive: null, threshold: null, inputs: [] }
  const say = compileUncertain(uncertainty, signature, { coverage: 0.8, answer: 0.5 })
  assert.deepEqual(say([0.98, 0.01, 0.01]).abstain, false)
  const unsure = say([0.34, 0.33, 0.33])
  assert.deepEqual([unsure.set!.length > 1, unsure.abstain, unsure.coverage], [true, true, 0.8])
  assert.throws(() => compileUncertain(uncertainty, signature, { coverage: 0.8, kind: 'absolute' }), /lac, aps, by_class/)
})
