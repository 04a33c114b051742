/** The form of a monitor asks for every setting of every check, with the server's own defaults and bounds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { usualChecks } from '../src/domains/monitoring/checks/all-checks.ts'
import { CheckInput, checkKinds } from '../src/domains/monitoring/checks/settings.ts'
import type { Signature } from '../src/domains/registry/schema.ts'
import { changedFields, checkFields, withSetting } from '../web/src/monitors/check-fields.ts'
import { usualKinds } from '../web/src/monitors/checks.ts'

interface Property {
  anyOf?: Property[]
  type?: string
  default?: unknown
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
}

test('every setting has a control with the same default and bounds', () => {
  for (const option of CheckInput.options) {
    const { settings } = option.shape
    const kind = option.shape.kind.value
    const { properties = {} } = z.toJSONSchema(settings, { io: 'input' }) as { properties?: Record<string, Property> }
    const fields = checkFields[kind]
    assert.deepEqual(fields.map(({ name }) => name).sort(), Object.keys(properties).sort(), kind)
    for (const field of fields) {
      const property = properties[field.name]!
      const where = `${kind}.${field.name}`
      assert.deepEqual(field.usual, property.default, where)
      const number = [property, ...(property.anyOf ?? [])].find(({ type }) => type === 'number' || type === 'integer')
      assert.equal(field.as === 'number', number !== undefined, where)
      if (!number) continue
      assert.equal(field.min, number.minimum ?? number.exclusiveMinimum, where)
      assert.equal(field.max, number.maximum, where)
      assert.equal(field.whole ?? false, number.type === 'integer', where)
      assert.equal(field.none !== undefined, property.anyOf?.some(({ type }) => type === 'null') ?? false, where)
    }
  }
})

test('a setting that is changed is sent, one that is as usual is not', () => {
  const check = { kind: 'data_quality', settings: { warning: 0.01, alert: 0.05 } } as const
  assert.deepEqual(changedFields(check), [])
  const [warning] = checkFields.data_quality
  const changed = withSetting(check, warning!, 0.03)
  assert.deepEqual(
    changedFields(changed).map(({ name }) => name),
    ['warning'],
  )
  assert.deepEqual(withSetting(changed, warning!, undefined), { kind: 'data_quality', settings: { alert: 0.05 } })
})

test('the form begins with the checks that the server would choose', () => {
  const base = { target: 'y', classes: null, positive: null, threshold: null, tolerance: 0 }
  const number = { name: 'a', type: 'number', tensor: 'numbers', index: 0, nullable: true }
  const text = { name: 't', type: 'text', tensor: 'tokens', index: 0, nullable: false }
  const image = { name: 'i', type: 'image', tensor: 'image', index: 0, nullable: false }
  const signatures = [
    { ...base, task: 'binary', classes: ['no', 'yes'], positive: 'yes', inputs: [number] },
    { ...base, task: 'multiclass', classes: ['a', 'b', 'c'], inputs: [text] },
    { ...base, task: 'multiclass', classes: ['a', 'b', 'c'], inputs: [image] },
    { ...base, task: 'regression', inputs: [number] },
    { ...base, task: 'clustering', inputs: [number] },
    { ...base, task: 'anomaly', inputs: [number] },
    { ...base, task: 'detection', classes: ['a', 'b'], inputs: [image] },
    { ...base, task: 'generation', inputs: [] },
  ] as unknown as Signature[]
  for (const signature of signatures)
    assert.deepEqual(
      usualKinds({ signature }),
      usualChecks({ signature, served: 'onnx' }).map(({ kind }) => kind),
      `${signature.task} of ${signature.inputs[0]?.type}`,
    )
  assert.deepEqual(Object.keys(checkFields), [...checkKinds])
})
