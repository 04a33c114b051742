import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { judged } from './lib/result.ts'
import { pairedRatio } from './lib/stats.ts'
import { withContenders } from './serving.ts'

test('every suite can be loaded', async () => {
  const files = globSync('*.ts', { cwd: import.meta.dirname }).filter((file) => !['run.ts', 'bench.test.ts'].includes(file))
  assert.ok(files.length >= 5)
  for (const file of files) {
    const { suite } = (await import(`./${basename(file)}`)) as { suite: unknown }
    assert.equal(typeof suite, 'function', file)
  }
})

test('what the bench of serving times gives the answers of the training library', async () => {
  const answered = await withContenders(['no-op', 'atoll'], async (contenders) => {
    const [noOp] = contenders
    return (await fetch(noOp!.url, { method: 'POST', body: '{}' })).json()
  })
  assert.ok(answered)
})

test('a ratio is judged by its median over pairs, a figure by itself', () => {
  const ratio = pairedRatio([10, 22, 30], [10, 20, 20])
  assert.equal(ratio.median, 1.1)
  assert.ok(ratio.low >= 1 && ratio.high <= 1.5)
  const result = { id: 'X', suite: 'x', what: '', ours: { value: 300, unit: 'ms' }, against: null, ratio, note: '' }
  const passes = (compare: '>=' | '<=', value: number, of: 'ratio' | 'value') =>
    judged({ ...result, goal: { compare, value, of } }).pass
  assert.deepEqual(
    [passes('>=', 1.1, 'ratio'), passes('>=', 1.2, 'ratio'), passes('<=', 300, 'value'), passes('<=', 299, 'value')],
    [true, false, true, false],
  )
})
