import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Runtimes } from '../engines/runtimes.ts'
import type { Executor } from '../executors/executor.ts'
import { openLocalExecutor } from '../executors/local.ts'
import { decodeRows } from './decode.ts'
import { compileEncoder } from './encode.ts'
import { loadPython } from './python.ts'
import type { ModelSignature } from './signature.ts'

// A worker that speaks the protocol of `tabular.predict` in serve mode, without the libraries that the real one needs.
const worker = `
import json, os, sys
weight = float(open("input/data/model/weight.txt").read())
assert json.load(open("input/config/hyperparameters.json"))["serve"] is True
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    rows = json.loads(line)
    if any(row["city"] == "die" for row in rows):
        print("out of luck", file=sys.stderr, flush=True)
        os._exit(1)
    if any(row["city"] == "refuse" for row in rows):
        print(json.dumps({"error": "that city cannot be"}), flush=True)
        continue
    print(json.dumps({"predictions": [weight * (row["x"] or 0) + (1 if row["flag"] is True else 0) + len(row["day"] or "") for row in rows]}), flush=True)
`
const signature: ModelSignature = {
  task: 'regression',
  classes: null,
  positive: null,
  threshold: null,
  inputs: [
    { name: 'x', type: 'number', tensor: 'numbers', index: 0, nullable: true },
    { name: 'flag', type: 'boolean', tensor: 'numbers', index: 1, nullable: true },
    { name: 'day', type: 'datetime', tensor: 'numbers', index: 2, nullable: true },
    { name: 'city', type: 'category', tensor: 'strings', index: 0, nullable: true },
  ],
}
const encode = (rows: object[]) => compileEncoder(signature).encode(rows).batch

let root: string
let executor: Executor
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'atoll-python-'))
  mkdirSync(join(root, 'engines/atoll_engines'), { recursive: true })
  mkdirSync(join(root, 'package'))
  writeFileSync(join(root, 'engines/atoll_engines/__init__.py'), '')
  writeFileSync(join(root, 'engines/atoll_engines/run.py'), worker)
  writeFileSync(join(root, 'package/weight.txt'), '2')
  executor = await openLocalExecutor({ python: 'python3' })
})
after(async () => {
  await executor.close()
  rmSync(root, { recursive: true })
})

function load() {
  const runtimes: Runtimes = {
    list: async () => [],
    ensure: async () => ({ name: 'tabular', lockHash: '', python: 'python3', readOnly: [], env: {} }),
  }
  return loadPython({ executor, runtimes, enginesFolder: join(root, 'engines') }, { folder: join(root, 'package'), signature })
}

test('rows reach the worker as a client would send them and answers find their callers', async () => {
  const model = await load()
  assert.deepEqual([model.kind, model.place], ['python', 'process'])
  const [one, many] = await Promise.all([
    model.predict(encode([{ x: 2, flag: true, day: '2026-01-31', city: 'Köln' }])),
    model.predict(encode([{ x: 5 }, { x: null, flag: false }])),
  ])
  assert.deepEqual([...one!.values], [2 * 2 + 1 + '2026-01-31T00:00:00.000Z'.length])
  assert.deepEqual([...many!.values], [10, 0])
  await model.close()
})

test('an answer to many rows arrives whole', async () => {
  const model = await load()
  const rows = Array.from({ length: 900 }, (_, i) => ({ x: i / 7, flag: null, day: null, city: 'Bern' }))
  const { values } = await model.predict(encode(rows))
  assert.equal(values.length, 900)
  assert.equal(values[899], Math.fround((2 * 899) / 7))
  await model.close()
})

test('a refused batch fails alone, a worker that dies is started again', async () => {
  const model = await load()
  const [bad, good] = await Promise.allSettled([model.predict(encode([{ city: 'refuse' }])), model.predict(encode([{ x: 1 }]))])
  const { reason } = bad as PromiseRejectedResult
  // The rows' own fault, in the worker's words, to their caller alone.
  assert.equal(reason.code, 'unprocessable')
  assert.match(reason.message, /that city cannot be/)
  assert.equal((good as PromiseFulfilledResult<{ values: Float32Array }>).value.values[0], 2)
  await assert.rejects(model.predict(encode([{ city: 'die' }])), (error: Error & { code: string }) => {
    assert.equal(error.code, 'unavailable')
    assert.match(error.message, /Python worker ended unexpectedly: out of luck \(exit code 1\)/)
    return true
  })
  assert.equal((await model.predict(encode([{ x: 4 }]))).values[0], 8)
  await model.close()
})

test('decoding is the inverse of encoding', () => {
  const rows = [
    { x: 1.5, flag: true, day: '2026-03-01T10:00:00.123456Z', city: 'a' },
    { x: null, flag: null, day: null, city: null },
    { x: -3, flag: false, day: '1969-12-31T23:59:59.250Z', city: 'ü' },
  ]
  assert.deepEqual(decodeRows(signature, encode(rows)), rows)
})
