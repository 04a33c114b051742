import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import { localFiles } from '../../ports/files/local.ts'
import type { LanguageModel, LanguageModels } from '../../ports/language/language.ts'
import { openLanguage } from '../../ports/language/open.ts'
import { alphabetModel } from '../../ports/language/testing.ts'
import type { Signature } from '../registry/schema.ts'
import { proveText } from './prove-text.ts'

const signature: Signature = {
  task: 'generation',
  target: null,
  classes: null,
  positive: null,
  threshold: null,
  tolerance: 1e-3,
  inputs: [{ name: 'prompt', type: 'text', tensor: 'tokens', index: 0, nullable: false, example: 'a' }],
  outputs: [{ name: 'text', width: 1 }],
  generation: { contextLength: 256, chat: true },
}

test('what is served must write what training code wrote, prompt by prompt', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-prove-text-'))
  const executor = await openLocalExecutor({ python: 'python3' })
  const models = openLanguage({ executor })
  let once: Promise<LanguageModel> | undefined
  // To load is what takes long here, so it is done once for all cases.
  const language: Pick<LanguageModels, 'load'> = {
    async load(wanted) {
      once ??= models.load(wanted)
      return { ...(await once), close: async () => {} }
    },
  }
  const prove = async (texts: string[], packageFolder = join(folder, 'package')) => {
    const rows = [{ prompt: 'a' }, { messages: [{ role: 'user', content: 'x' }] }, { prompt: 'wx' }]
    await writeFile(join(folder, 'parity_rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await writeFile(
      join(folder, 'parity_expected.json'),
      JSON.stringify({ texts, tokens: texts.map((text) => [...text].map((letter) => letter.charCodeAt(0))) }),
    )
    const hashOf = async (path: string) => `hash of ${path}`
    return proveText({ files: localFiles(), language }, { signature, packageFolder, evidenceFolder: folder, hashOf })
  }
  try {
    await mkdir(join(folder, 'package'))
    await writeFile(join(folder, 'package/model.gguf'), alphabetModel())
    const { at: _, ...proven } = await prove(['bcd', 'abc', 'yz'])
    assert.deepEqual(proven, {
      rows: 3,
      heldOutRows: 3,
      injectedRows: 0,
      flips: 0,
      maxDiff: 0,
      tolerance: 1e-3,
      passed: true,
      served: 'gguf',
      reason: null,
      modelSha256: 'hash of model.gguf',
    })
    const other = await prove(['bcd', 'abX', 'yzzz'])
    assert.deepEqual([other.passed, other.flips], [false, 2])
    assert.match(other.reason!, /2 of 3 texts differ; row 1 goes on with "abX" in training code and with "abc" when served/)
    assert.match((await prove(['bcd', 'abc'])).reason!, /nothing is proven/)
    const without = await prove(['bcd', 'abc', 'yz'], folder)
    assert.deepEqual([without.passed, without.rows], [false, 0])
    assert.match(without.reason!, /cannot be written as GGUF/)
  } finally {
    await models.close()
    await executor.close()
    await rm(folder, { recursive: true })
  }
})
