import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../evaluation/statistics/random.ts'
import type { CheckKind } from './checks/settings.ts'
import { binomialUpperTail } from './statistics/binomial.ts'
import { customer, many, type Shift } from './testing.ts'
import { alarmsIn, anySize, asked, controlOf, lookAt, quietBefore, usualSize } from './testing-windows.ts'

const rate = 0.05
const streams = 40
const runs = 200
const rowsAnHour = 50
const hoursKept = 12
const kinds: readonly CheckKind[] = ['data_quality', 'data_drift', 'prediction_drift', 'operations']
const [anyOf, usual] = [asked(anySize, kinds), asked(usualSize, kinds)]

test('200 successive quiet runs, of windows that overlap and against one baseline, alarm at most as often as is stated; a real shift is alarmed within its window', {
  timeout: 1_500_000,
}, async (t) => {
  const random = randomFrom(77)
  const alarmed = { lord: 0, none: 0 }
  const delays: number[] = []
  for (let s = 0; s < streams; s++) {
    const before = quietBefore(random)
    const rows = many(rowsAnHour * hoursKept, customer(), random)
    const nextHour = (shift: Shift, wanted: typeof usual) => {
      rows.splice(0, rowsAnHour)
      rows.push(...many(rowsAnHour, customer(shift), random))
      // Nothing of groups is asked, which alone needs tables.
      return lookAt({ rows, random }, before, { wanted, tables: null as never, folder: '' })
    }
    const raised = { lord: false, none: false }
    for (let run = 1; run <= runs; run++) {
      const found = await nextHour({}, anyOf)
      for (const method of ['lord', 'none'] as const) raised[method] ||= alarmsIn(found, controlOf(method, rate, run)).size > 0
    }
    alarmed.lord += Number(raised.lord)
    alarmed.none += Number(raised.none)
    let hour = 1
    while (alarmsIn(await nextHour({ charge: 1 }, usual), controlOf('lord', 0.01, runs + hour)).size === 0 && hour < 50) hour++
    delays.push(hour)
  }
  delays.sort((a, b) => a - b)
  t.diagnostic(
    `of ${streams} streams of ${runs} quiet runs ${alarmed.lord} ever alarmed under control, ${alarmed.none} without; ${rate} is stated`,
  )
  t.diagnostic(
    `charge + 1 sd from then on, ${rowsAnHour} rows an hour, windows of ${hoursKept} hours: alarmed after ${delays[streams >> 1]} hours (middle), ${delays.at(-1)} at most`,
  )
  assert.ok(binomialUpperTail(alarmed.lord, streams, rate) > 0.001, String(alarmed.lord))
  assert.ok(delays.at(-1)! <= hoursKept, String(delays))
})
