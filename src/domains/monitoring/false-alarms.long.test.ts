import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { checkKinds } from './checks/settings.ts'
import { binomialUpperTail } from './statistics/binomial.ts'
import { customer, many } from './testing.ts'
import { alarmsIn, anySize, asked, controlOf, lookAt, quietBefore } from './testing-windows.ts'

const tables = openDuckDb({ heavy: 1 })
const folder = await mkdtemp(join(tmpdir(), 'atoll-false-alarms-'))
after(async () => {
  await tables.close()
  await rm(folder, { recursive: true, force: true })
})

const rate = 0.05
const windows = 200
const rowsNow = 300

test('200 quiet windows: each check alone, and all together, raise false alarms at most as often as is stated', {
  timeout: 1_500_000,
}, async (t) => {
  const random = randomFrom(42)
  const found = new Map<string, number>([...checkKinds, 'bias, predictions alone', 'all together'].map((name) => [name, 0]))
  const once = controlOf('none', rate, 1)
  const all = asked(anySize)
  let before = quietBefore(random)
  for (let w = 0; w < windows; w++) {
    if (w % 10 === 0) before = quietBefore(random)
    const window = { rows: many(rowsNow, customer(), random), random }
    const seen = await lookAt(window, before, { wanted: all, tables, folder })
    const unknown = await lookAt({ ...window, hasTruth: false }, before, { wanted: asked(anySize, ['bias']), tables, folder })
    const asks = [
      ...seen.map((one) => [one.kind, [one]] as const),
      ['bias, predictions alone', unknown] as const,
      ['all together', seen] as const,
    ]
    for (const [name, looks] of asks) if (alarmsIn(looks, once).size > 0) found.set(name, found.get(name)! + 1)
  }
  for (const [name, alarms] of found) t.diagnostic(`${name}: ${alarms} of ${windows} quiet windows, ${rate} is stated`)
  // So many would come less than once in a thousand times where the rate holds.
  for (const [name, alarms] of found)
    assert.ok(binomialUpperTail(alarms, windows, rate) > 0.001, `${name}: ${alarms} false alarms in ${windows} windows`)
})
