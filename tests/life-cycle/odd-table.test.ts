import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ExampleWorld, exampleWorld } from './example-world.ts'

/** A table whose names and words are made to break quoting, from the file to the drift report. */

const quote = (cell: unknown) => `"${String(cell).replaceAll('"', '""')}"`
const names = [
  'a "quoted" name',
  'comma, point.',
  'back`tick',
  'constructor',
  '__proto__',
  'ünï 😀',
  'rows',
  '=SUM(A1)',
  'select',
  'when',
  'huge',
  'known',
  'answer?',
]
const words = ['say "so"', 'c,d', 'ja', "it's", '{"a":1}', '']

function table(rows: number, seed: number): string {
  let state = seed
  const random = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const one = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!
  const lines = [names.map(quote).join(',')]
  for (let i = 0; i < rows; i++) {
    const amount = random() * 4 - 2
    const word = one(words)
    const known = random() < 0.5
    const answer = amount + (word === 'ja' ? 1 : 0) + (known ? 1 : 0) > 1
    const day = String(1 + Math.floor(random() * 28)).padStart(2, '0')
    const cells = [
      amount.toFixed(3),
      word,
      Math.floor(random() * 9),
      random() * 1e12,
      one(['p', 'q']),
      one(['ä', 'ö']),
      i % 7,
      random(),
      one([1, 2, '']),
    ]
    lines.push(
      [
        ...cells,
        `2024-03-${day}T0${i % 10}:00:00+02:00`,
        9007199254740993n + BigInt((i * 211) % 500),
        known,
        i % 50 === 0 ? '' : answer,
      ]
        .map(quote)
        .join(','),
    )
  }
  return `${lines.join('\n')}\n`
}

let w: ExampleWorld
before(async () => {
  w = await exampleWorld()
})
after(() => w?.close())

test('names and words that break quoting live through import, training, proof, serving and watching', async () => {
  await w.addTable('odd', table(500, 5))
  const columns: { name: string; type: string }[] = (await w.ask('GET', '/v1/datasets/odd')).latest.columns
  const called = columns.map(({ name }) => name)
  assert.deepEqual(
    called.filter((name) => !names.includes(name)),
    ['__proto___2'],
    'what no JSON body may hold has another name',
  )
  assert.deepEqual([columns.at(-1)?.type, columns.find(({ name }) => name === 'huge')?.type], ['boolean', 'integer'])

  const { result, version } = await w.trained({
    dataset: 'odd',
    target: 'answer?',
    metric: 'f1',
    algorithms: ['logistic_regression', 'lightgbm'],
    search: { trials: 3 },
    model: 'odd',
  })
  assert.deepEqual([result.served, result.parity.flips, version.signature.positive], ['onnx', 0, 'true'])
  assert.ok(result.test.f1!.value > 0.8, JSON.stringify(result.test.f1))

  const endpoint = await w.deployed('odd', 'odd:1')
  const { columns: shown, rows } = await w.ask('GET', '/v1/datasets/odd/rows?limit=300')
  const wanted: string[] = endpoint.signature.inputs.map((input: any) => input.name)
  // Whole numbers beyond 2^53 are shown as text, digit by digit; a model takes their nearest number.
  const value = (row: unknown[], name: string) => (name === 'huge' ? Number(row[shown.indexOf(name)]) : row[shown.indexOf(name)])
  const asked = rows.map((row: unknown[]) => Object.fromEntries(wanted.map((name) => [name, value(row, name)])))
  const { predictions } = await w.ask('POST', '/v1/endpoints/odd/predict', { rows: asked })
  const truth = rows.map((row: unknown[]) => row[shown.indexOf('answer?')])
  const right = predictions.filter((one: any, i: number) => truth[i] !== null && one.label === String(truth[i])).length
  assert.ok(right > 260, `${right} of 300`)

  const monitor = await w.ask('POST', '/v1/monitors', { endpoint: 'odd' })
  const captured = await w.drift(monitor.id)
  assert.equal(captured.state, 'quiet', captured.sentence)
  assert.ok(captured.rows >= 300 || captured.sentence.includes('300 rows'), captured.sentence)
  assert.deepEqual(new Set(captured.columns.map((one: any) => one.column)), new Set([...wanted, 'probability of true']))
  await w.addTable('odd again', table(400, 77))
  const again = await w.drift(monitor.id, 'odd again')
  assert.ok(!again.columns.some((one: any) => one.state === 'alert'), again.sentence)
})

test('a step may name any of them', async () => {
  const steps = [
    { step: 'keep_columns', columns: ['a "quoted" name', 'back`tick', 'comma, point.', '__proto___2'] },
    { step: 'derive', name: 'sum of `both`', expression: '`a "quoted" name` + `back``tick`' },
    { step: 'derive', name: 'is c,d', expression: '`comma, point.` == "c,d"' },
    { step: 'target_encode', columns: ['comma, point.'] },
    { step: 'one_hot', columns: ['__proto___2'] },
    { step: 'standard_scale', columns: ['sum of `both`'] },
  ]
  const preview = await w.ask('POST', '/v1/recipes/preview', { dataset: 'odd', target: 'answer?', steps })
  assert.ok(preview.after.columns.includes('sum of `both`'))
  const { result } = await w.trained({
    dataset: 'odd',
    target: 'answer?',
    recipe: { steps },
    algorithms: ['logistic_regression'],
    search: { strategy: 'none' },
    model: 'steps',
  })
  assert.deepEqual([result.served, result.parity.flips], ['onnx', 0])
})
