import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { comparisonVerdict, judgeScores, type Scores } from './judge-scores.ts'

const random = randomFrom(3)
const normal = () => Math.sqrt(-2 * Math.log(random.next() + 1e-12)) * Math.cos(2 * Math.PI * random.next())

/** Scores of candidates whose means are given, over 5 x 5 folds that they share. */
function scoresOf(means: Record<string, number>, { noise, metric = 'f1' }: { noise: number; metric?: Scores['metric'] }): Scores {
  const hard = Array.from({ length: 5 }, () => Array.from({ length: 5 }, () => normal() * 0.05))
  return {
    metric,
    rows: 500,
    repeats: 5,
    folds: 5,
    division: '5 folds',
    testShare: 0.2,
    candidates: Object.entries(means).map(([name, mean]) => ({
      name,
      algorithm: name,
      params: {},
      seconds: 1,
      scores: hard.map((repeat) => repeat.map((fold) => mean + fold + normal() * noise)),
    })),
  }
}

test('finds what is better although folds differ more than candidates do', () => {
  const [pair] = judgeScores(scoresOf({ a: 0.8, b: 0.83 }, { noise: 0.01 }), null)
  assert.equal(pair?.verdict, 'better')
  assert.match(pair!.sentence, /^b is better than a: its F1 is 0\.0\d+ higher on average over 5 x 5 folds/)
})

test('an error that is lower is better', () => {
  const [pair] = judgeScores(scoresOf({ a: 5, b: 6 }, { noise: 0.1, metric: 'rmse' }), null)
  assert.equal(pair?.verdict, 'worse')
  assert.match(pair!.sentence, /^a is better than b: its .* lower/)
  assert.ok(pair!.difference.value < -0.9)
})

test('says that nothing was shown, and that two are equivalent only within what was said not to matter', () => {
  const scores = scoresOf({ a: 0.8, b: 0.8 }, { noise: 0.02 })
  assert.equal(judgeScores(scores, null)[0]?.verdict, 'not_shown')
  assert.match(judgeScores(scores, null)[0]!.sentence, /^Not shown that one is better/)
  assert.equal(judgeScores(scores, 0.001)[0]?.verdict, 'not_shown')
  const [pair] = judgeScores(scores, 0.05)
  assert.equal(pair?.verdict, 'equivalent')
  assert.match(pair!.sentence, /equivalent within 0\.05/)
})

test('among several, allows for their number and names the one that beats all others', () => {
  const pairs = judgeScores(scoresOf({ a: 0.8, b: 0.8, c: 0.86 }, { noise: 0.01 }), null)
  assert.equal(pairs.length, 3)
  assert.ok(pairs.every((pair) => pair.adjustedPValue >= pair.pValue))
  assert.equal(comparisonVerdict(['a', 'b', 'c'], pairs), 'c is better than each of the 2 others, 3 pairs allowed for.')
  assert.match(
    comparisonVerdict(['a', 'b'], pairs.filter((pair) => pair.b === 'b').concat(pairs.slice(1))),
    /None is shown|better/,
  )
})

test('chance alone is called better about as rarely as promised', () => {
  let found = 0
  for (let i = 0; i < 400; i++)
    if (judgeScores(scoresOf({ a: 0.8, b: 0.8 }, { noise: 0.02 }), null)[0]!.verdict !== 'not_shown') found++
  assert.ok(found <= 20, `${found} of 400: folds drawn apart are even less alike than those that share rows`)
})
