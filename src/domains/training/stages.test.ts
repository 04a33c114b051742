import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { localFiles } from '../../ports/files/local.ts'
import { stageResults } from './stages.ts'

const files = localFiles()
const root = await mkdtemp(join(tmpdir(), 'stages-'))
after(() => rm(root, { recursive: true }))

test('a finished stage is not done again by a later attempt', async () => {
  const first = await stageResults(files, root).once('fit', async (folder) => {
    await files.writeText(folder, 'model.txt', 'made once')
    return { seconds: 3 }
  })
  const second = await stageResults(files, root).once('fit', async (): Promise<{ seconds: number }> => {
    throw new Error('it was done already')
  })
  assert.deepEqual(second, first)
  assert.equal(await files.readText(second.folder, 'model.txt'), 'made once')
})

test('a stage that was cut off runs again in an empty folder', async () => {
  const cutOff = stageResults(files, root).once('evaluate', async (folder) => {
    await files.writeText(folder, 'half.txt', 'half')
    throw new Error('the machine went off')
  })
  await assert.rejects(cutOff, /went off/)
  const { folder } = await stageResults(files, root).once('evaluate', async () => ({}))
  assert.deepEqual(await files.names(folder), [])
})
