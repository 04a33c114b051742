import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DriftReport } from './schema.ts'

test('a report that was kept before there were checks is still read', () => {
  const column = {
    column: 'age',
    kind: 'number',
    psi: 0.3,
    jensenShannon: 0.2,
    test: { name: 'ks', statistic: 0.2, pValue: 0.001, adjustedPValue: 0.002 },
    missing: { baseline: 0, now: 0.1 },
    unseen: [],
    state: 'alert',
    sentence: '"age" has drifted.',
    histogram: { labels: ['a'], edges: [0, 1], baseline: [1], now: [1] },
  }
  const before = {
    id: 'rep_1',
    monitor: 'mon_1',
    endpoint: 'end_1',
    version: 'mdv_1',
    at: '2026-01-01T00:00:00.000Z',
    source: 'traffic',
    baselineRows: 100,
    rows: 100,
    state: 'alert',
    columns: [column],
    sentence: 'One column has drifted.',
    seconds: 1,
  }
  const read = DriftReport.parse(before)
  assert.deepEqual([read.checks, read.tests, read.control], [[], 0, null])
  assert.deepEqual([read.columns[0]!.totalVariation, read.columns[0]!.wasserstein], [null, null])
})
