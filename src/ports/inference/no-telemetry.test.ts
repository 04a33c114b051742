import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const file = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)))
const shape = `{ file: ${file('./fixtures/slow.onnx')}, numberColumns: 1, stringColumns: 0, width: 1, trust: 'built' }`
const ours = (limits: string) =>
  `const { loadOnnx } = await import(${file('./onnx.ts')}); await (await loadOnnx(${shape}, ${limits})).close()`
const theirs = `const { InferenceSession } = await import('onnxruntime-node'); await InferenceSession.create(${file('./fixtures/slow.onnx')})`

/** The files that a program leaves in an empty home folder of its own. */
async function leftBehind(folder: string, code: string): Promise<string[]> {
  const home = join(folder, String(Math.random()))
  await mkdir(home)
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home }
  const argv = ['--disable-warning=ExperimentalWarning', '-e', `(async () => { ${code} })()`]
  await promisify(execFile)(process.execPath, argv, { env, cwd: import.meta.dirname, timeout: 60_000 })
  return (await readdir(home, { recursive: true, withFileTypes: true })).filter((one) => one.isFile()).map((one) => one.name)
}

test('a loaded graph reports to nobody, and leaves no identity in the home folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-quiet-'))
  try {
    assert.deepEqual(await leftBehind(folder, ours('{}')), [])
    assert.deepEqual(await leftBehind(folder, ours('{ maxInlineBytes: 0 }')), [], 'in a thread')
    assert.notDeepEqual(await leftBehind(folder, theirs), [], 'by itself it leaves something: else this would prove nothing')
  } finally {
    await rm(folder, { recursive: true })
  }
})
