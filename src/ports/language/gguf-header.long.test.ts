import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMutations } from './fuzz-gguf.ts'

test('a million damaged heads: each gives a head or a sentence, in little memory', { timeout: 1_200_000 }, async () => {
  const before = process.memoryUsage().rss
  for (let i = 0; i < 20; i++) await readMutations(50_000)
  assert.ok(process.memoryUsage().rss - before < 256 * 2 ** 20)
})
