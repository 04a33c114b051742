import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { validator } from './validate.ts'

const check = validator(
  z.object({ source: z.union([z.object({ upload: z.string() }), z.object({ serverPath: z.string(), format: z.string() })]) }),
  'body',
)

test('a choice between shapes says what each would need', () => {
  assert.throws(() => check({ source: {} }), /"source": needs "upload" or "serverPath" with "format"\./)
})

test('a shape that was begun is the one that the message speaks of', () => {
  assert.throws(() => check({ source: { upload: 3 } }), /"source": upload: .*expected string, received number/)
})
