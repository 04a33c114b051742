import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { edgesOf, pointsOf } from './baseline.ts'
import { compareColumns } from './compare-columns.ts'
import { ksDistanceOfCells } from './statistics/ks-cells.ts'
import { ksDistance } from './statistics/ks-test.ts'
import { categoriesNow, categoryBaseline, countedAt, numberBaseline, numbersNow } from './testing.ts'

const random = randomFrom(11)
const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
const many = <T>(n: number, draw: () => T): T[] => Array.from({ length: n }, draw)
const thresholds = { measure: 'psi' as const, warning: 0.1, alert: 0.25, falseAlarmRate: 0.01 }

test('cells count every value once, wherever it lies, and give the exact KS distance', () => {
  for (let round = 0; round < 50; round++) {
    const coarse = (x: number) => (round % 2 ? x : Math.round(x * 4) / 4)
    const sample = many(1 + random.below(200), () => coarse(normal())).sort((a, b) => a - b)
    const values = many(1 + random.below(300), () => coarse(normal() * (1 + round / 50)))
    const points = pointsOf({ sample, ...edgesOf(sample) })
    const { cells, missing } = countedAt(points, [...values, null, Number.NaN])
    assert.equal(missing, 2)
    assert.equal(
      cells.reduce((sum, cell) => sum + cell, 0),
      values.length,
    )
    const found = ksDistanceOfCells(sample, points, cells).distance
    const expected = ksDistance(
      sample,
      values.toSorted((a, b) => a - b),
    )
    assert.ok(Math.abs(found - expected) < 1e-12, `${found} is not ${expected}`)
  }
})

test('the stated false-alarm rate holds over many quiet windows of mixed columns', async () => {
  const rate = 0.05
  const kinds: (() => number | string | null)[] = [
    normal,
    () => Math.exp(normal()),
    () => Math.floor(random.next() * 6),
    () => (random.next() < 0.2 ? null : normal()),
    () => random.next() ** 8,
    () => 'abcdefgh'[random.below(8)]!,
    () => (random.next() < 0.95 ? 'usual' : `rare ${random.below(40)}`),
    () => (random.next() < 0.1 ? '' : random.next() < 0.5 ? 'yes' : 'no'),
  ]
  let windows = 0
  let alarms = 0
  for (let set = 0; set < 20; set++) {
    const baselines = kinds.map((draw, i) => {
      const values = many(1500, draw)
      return i < 5 ? numberBaseline(`n${i}`, values as number[]) : categoryBaseline(`c${i}`, values as string[])
    })
    for (let window = 0; window < 30; window++) {
      const pairs = baselines.map((baseline, i) => {
        const values = many(window % 2 ? 100 : 400, kinds[i]!)
        const now = baseline.kind === 'number' ? numbersNow(baseline, values as number[]) : categoriesNow(values as string[])
        return { baseline, now }
      })
      // With no lower bound on the size of a change, only the tests stand between a quiet window and an alarm.
      const drift = await compareColumns(pairs, { measure: 'psi', warning: 0, alert: 0, falseAlarmRate: rate })
      windows++
      if (drift.some((column) => column.state !== 'quiet')) alarms++
    }
  }
  const most = rate * windows + 3 * Math.sqrt(windows * rate * (1 - rate))
  assert.ok(alarms <= most, `${alarms} alarms in ${windows} quiet windows; at most ${most.toFixed(0)} were allowed`)
})

test('a shift, a new category and a source that dries up are found, with a sentence each', async () => {
  const age = numberBaseline(
    'age',
    many(3000, () => 40 + 10 * normal()),
  )
  const income = numberBaseline(
    'income',
    many(3000, () => normal()),
  )
  const state = categoryBaseline(
    'state',
    many(3000, () => ['OH', 'AK', 'TX'][random.below(3)]!),
  )
  const drift = await compareColumns(
    [
      {
        baseline: age,
        now: numbersNow(
          age,
          many(500, () => 55 + 10 * normal()),
        ),
      },
      {
        baseline: income,
        now: numbersNow(
          income,
          many(500, () => (random.next() < 0.4 ? null : normal())),
        ),
      },
      { baseline: state, now: categoriesNow(many(500, () => ['OH', 'AK', 'ZZ'][random.below(3)]!)) },
    ],
    thresholds,
  )
  assert.deepEqual(
    drift.map((column) => column.state),
    ['alert', 'alert', 'alert'],
  )
  assert.match(
    drift[0]!.sentence,
    /^"age" has drifted: its median was (39|40)\S* and now is 5\d\S* \(stability index [\d.]+, alert from 0\.25; p < 0\.0001\)\.$/,
  )
  assert.equal(drift[1]!.test.name, 'chi_square')
  assert.match(drift[1]!.sentence, /missing in (3|4)\d % of rows instead of 0 %/)
  assert.deepEqual(
    drift[2]!.unseen.map(({ value }) => value),
    ['ZZ'],
  )
  assert.match(drift[2]!.sentence, /never seen in training \("ZZ" in 1\d\d rows\)/)
  for (const { histogram } of drift) {
    for (const side of [histogram.baseline, histogram.now]) {
      assert.equal(side.length, histogram.labels.length)
      assert.ok(side.reduce((sum, one) => sum + one, 0) <= 1 + 1e-9)
    }
  }
})

test('labels that name rows are quiet when new ones come, or the old ones again', async () => {
  let next = 0
  const names = categoryBaseline(
    'customer',
    many(480, () => `c${next++}`),
  )
  const fresh = many(400, () => `c${next++}`)
  const again = many(600, (at = random.below(600)) => `c${at}`)
  for (const values of [fresh, again]) {
    const [drift] = await compareColumns([{ baseline: names, now: categoriesNow(values) }], thresholds)
    assert.equal(drift!.state, 'quiet', drift!.sentence)
  }
  // Labels that stood for many rows and now come once each did move.
  const shops = categoryBaseline(
    'shop',
    many(480, () => `s${random.below(12)}`),
  )
  const [drift] = await compareColumns([{ baseline: shops, now: categoriesNow(fresh) }], thresholds)
  assert.equal(drift!.state, 'alert')
})

test('large but possible by chance is not an alarm; certain but small is not one either', async () => {
  const few = numberBaseline('few', many(40, normal))
  const large = numberBaseline('large', many(200_000, normal))
  const [chance] = await compareColumns([{ baseline: few, now: numbersNow(few, many(12, normal)) }], thresholds)
  assert.equal(chance!.state, 'quiet')
  const [small] = await compareColumns(
    [
      {
        baseline: large,
        now: numbersNow(
          large,
          many(100_000, () => normal() + 0.08),
        ),
      },
    ],
    thresholds,
  )
  assert.equal(small!.state, 'quiet')
  assert.match(small!.sentence, /differs measurably from training .* but little/)
})

test('columns without a value then or now are compared by what is missing', async () => {
  const empty = numberBaseline(
    'empty',
    many(500, () => null),
  )
  const full = numberBaseline('full', many(500, normal))
  const drift = await compareColumns(
    [
      {
        baseline: empty,
        now: numbersNow(
          empty,
          many(300, () => null),
        ),
      },
      {
        baseline: full,
        now: numbersNow(
          full,
          many(300, () => null),
        ),
      },
    ],
    thresholds,
  )
  assert.deepEqual(
    drift.map((column) => column.state),
    ['quiet', 'alert'],
  )
})
