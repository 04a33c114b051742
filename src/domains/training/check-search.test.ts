import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SearchSpec } from '../tuning/schema.ts'
import { objectivesOf, refuseSearch } from './check-search.ts'
import { searchFingerprint } from './search-fingerprint.ts'

const about = { family: 'tabular', task: 'binary', metric: 'f1', target: 'churn' } as const
const refused = (search: unknown, of: Partial<typeof about> | { family: 'forecast' | 'image' } = {}) => {
  try {
    refuseSearch(SearchSpec.parse(search), { ...about, ...of })
    return null
  } catch (error) {
    return (error as Error).message
  }
}

test('the metric is the first objective, and each has its direction', () => {
  const { objectives } = SearchSpec.parse({ objectives: [{ metric: 'latency_ms' }, { metric: 'f1' }, { metric: 'recall' }] })
  assert.deepEqual(objectivesOf(objectives, 'f1'), [
    { metric: 'f1', direction: 'maximize' },
    { metric: 'latency_ms', direction: 'minimize' },
    { metric: 'recall', direction: 'maximize' },
  ])
  assert.deepEqual(objectivesOf([{ metric: 'f1' }], 'f1'), [], 'the metric alone is no search with several')
})

test('objectives, limits and side-by-side trials that mean nothing are refused by name', () => {
  assert.equal(refused({ parallel: 4, objectives: [{ metric: 'size_bytes' }], choose: { within: { size_bytes: 1000 } } }), null)
  assert.match(refused({ objectives: [{ metric: 'speed' }] })!, /speed|does not fit/)
  assert.match(refused({ objectives: [{ metric: 'rmse' }] })!, /does not fit/)
  assert.match(refused({ objectives: [{ metric: 'latency_ms', direction: 'maximize' }] })!, /less of it is better/)
  assert.match(refused({ objectives: [{ metric: 'latency_ms' }], choose: { within: { size_bytes: 9 } } })!, /no objective/)
  assert.match(refused({ choose: { rule: 'best' } })!, /several objectives/)
  assert.match(refused({ objectives: [{ metric: 'latency_ms' }] }, { family: 'image' })!, /tables only/)
  assert.match(refused({ parallel: 2 }, { family: 'forecast' })!, /side by side/)
})

test('a fingerprint is the same exactly where scores are comparable', () => {
  const judged = { task: 'binary', metric: 'f1', target: 'churn', recipe: { auto: true }, validation: { folds: 5 }, goal: null }
  const of = (changed: object, at = { version: 'dsv_1', split: 'spl_1', seed: 7 }) =>
    searchFingerprint(at, { ...judged, ...changed } as unknown as Parameters<typeof searchFingerprint>[1])
  assert.equal(of({}), of({ algorithms: ['knn'] }))
  for (const other of [
    of({ metric: 'recall' }),
    of({ imbalance: 'smote' }),
    of({}, { version: 'dsv_1', split: 'spl_2', seed: 7 }),
  ])
    assert.notEqual(other, of({}))
})
