import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ColumnType } from '../../ports/tables/tables.ts'
import { refuseTarget } from './target.ts'

const column = (type: ColumnType) => ({ name: 'said', type, rows: 900, missing: 0, distinct: 880 })

test('free text is a target of the tasks that take it, and of no other', () => {
  for (const task of ['seq2seq', 'transcription', 'tokens', 'detection', 'multilabel'])
    assert.doesNotThrow(() => refuseTarget(column('text'), task), task)
  for (const task of [null, 'multiclass', 'regression']) assert.throws(() => refuseTarget(column('text'), task), /free text/)
})

test('a target of another type than a task takes is refused with those that it takes', () => {
  assert.throws(() => refuseTarget(column('number'), 'transcription'), /of type number; for the task transcription it must be/)
  assert.throws(() => refuseTarget(column('text'), 'segmentation'), /must be of type image/)
  assert.throws(() => refuseTarget({ ...column('text'), missing: 900 }, 'seq2seq'), /missing in every row/)
})
