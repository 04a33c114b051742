import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseNotAskedAlone } from './asked-alone.ts'

const version = (kind: string) => ({ id: 'mdv_1', modelName: 'm', number: 2, manifest: { kind } as never })

test('what has no graph of its own is refused with the reason; graphs and workers are asked', () => {
  for (const kind of ['onnx', 'python']) refuseNotAskedAlone(version(kind), 'anything')
  for (const [kind, reason] of [
    ['external', 'answers elsewhere'],
    ['gguf', 'is run by llama.cpp'],
    ['pipeline', 'is several models'],
  ] as const)
    assert.throws(() => refuseNotAskedAlone(version(kind), 'a loop cannot judge it'), {
      code: 'precondition_failed',
      message: `m:2 ${reason}, so there is no graph of its own to ask: a loop cannot judge it.`,
    })
})
