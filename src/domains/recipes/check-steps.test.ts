import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { localFiles } from '../../ports/files/local.ts'
import { readCatalogue } from './catalogue.ts'
import { checkSteps } from './check-steps.ts'

const enginesFolder = fileURLToPath(new URL('../../../python', import.meta.url))
const catalogue = await readCatalogue({ files: localFiles(), enginesFolder })
const given = {
  columns: ['churn', 'state', 'minutes', 'charge', 'joined at', 'back`tick'].map((name) => ({ name, type: 'number' })),
  target: 'churn',
}
const check = (...steps: { step: string; [key: string]: any }[]) => checkSteps(catalogue, steps, given)

test('accepts steps of the catalogue on columns that are there, derived ones included', () => {
  check(
    { step: 'impute', columns: '*numbers', strategy: 'median' },
    {
      step: 'derive',
      name: 'per_minute',
      expression: 'if(minutes > 0, charge / minutes, 0) + coalesce(`joined at`, `back``tick`, 1)',
    },
    { step: 'standard_scale', columns: ['per_minute', 'minutes'] },
    { step: 'one_hot', columns: ['state'] },
    { step: 'drop_columns', columns: ['state=OH'] },
  )
})

test('refuses what is not there and names step, column and the nearest name', () => {
  assert.throws(() => check({ step: 'imputee' }), /Step 1: there is no step "imputee". Did you mean "impute"\?/)
  assert.throws(
    () => check({ step: 'impute' }, { step: 'cap', columns: ['minutess'] }),
    /Step 2 \(cap\): there is no column "minutess" at that point. Did you mean "minutes"\?/,
  )
  assert.throws(() => check({ step: 'derive', name: 'x', expression: 'charge / minuts' }), /no column "minuts".*"minutes"/)
  assert.throws(() => check({ step: 'ratio', numerator: 'charge', denominator: 'days' }), /no column "days".*Columns are state/)
  assert.throws(() => check({ step: 'one_hot', columns: ['churn'] }), /"churn" is the target/)
  assert.throws(() => check({ step: 'one_hot', columns: '*cats' }), /"\*cats" is no selector/)
  assert.throws(
    () => check({ step: 'drop_columns', columns: ['state'] }, { step: 'one_hot', columns: ['state'] }),
    /no column "state" at that point/,
  )
})

test('refuses parameters that the step does not take, or not like that', () => {
  assert.throws(() => check({ step: 'impute', stratgey: 'mean' }), /no parameter "stratgey". Did you mean "strategy"\?/)
  assert.throws(() => check({ step: 'impute', strategy: 'average' }), /must be one of mean, median/)
  assert.throws(() => check({ step: 'bin', columns: ['minutes'], bins: 'ten' }), /"bins" is "ten", but must be integer/)
  assert.throws(() => check({ step: 'convert', columns: ['minutes'] }), /the parameter "to" is needed/)
  assert.throws(() => check({ step: 'impute', constructor: 1 }), /no parameter "constructor"/)
})
