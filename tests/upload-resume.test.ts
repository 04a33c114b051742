import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { uploadFile } from '../sdk/src/cli/upload-file.ts'
import { createAtoll } from '../sdk/src/index.ts'
import { openWorld } from './platform-world.ts'

test('a large upload that is cut goes on where it was: after a broken connection, and in the next command', async () => {
  const world = await openWorld('sqlite')
  const folder = await mkdtemp(join(tmpdir(), 'atoll-upload-'))
  process.env.XDG_STATE_HOME = join(folder, 'state')
  try {
    const path = join(folder, 'table.csv')
    const part = 8 * 2 ** 20
    const bytes = Buffer.from('a,b\n'.concat('1234567,7654321\n'.repeat(1_600_000)))
    await writeFile(path, bytes)
    const starts: number[] = []
    let put = async (send: () => Promise<Response>, _nth: number) => send()
    const atoll = createAtoll({
      url: world.server.url,
      token: world.token,
      fetch: (input, init) => {
        if (init?.method !== 'PUT') return fetch(input, init)
        starts.push(Number(new URL(String(input)).searchParams.get('offset')))
        return put(() => fetch(input, init), starts.length)
      },
    })

    // The second part arrives, but the answer does not; then the command is stopped.
    const stop = new AbortController()
    put = async (send, nth) => {
      if (nth === 3) stop.abort()
      const reply = await send()
      if (nth === 2) throw new TypeError('fetch failed')
      return reply
    }
    const told: number[] = []
    await assert.rejects(uploadFile(atoll, path, { signal: stop.signal, onProgress: (sent) => told.push(sent) }))
    assert.deepEqual(starts, [0, part, 2 * part], 'what had arrived is not sent twice')
    assert.deepEqual(told, [0, part])

    put = (send) => send()
    const done = await uploadFile(atoll, path)
    assert.deepEqual(starts.slice(3), [2 * part, 3 * part])
    assert.deepEqual([done.state, done.sha256], ['complete', createHash('sha256').update(bytes).digest('hex')])

    // A file that was changed is another one.
    starts.length = 0
    const again = new AbortController()
    put = async (send, nth) => {
      if (nth === 2) again.abort()
      return send()
    }
    await assert.rejects(uploadFile(atoll, path, { signal: again.signal }))
    await utimes(path, 1, 1)
    put = (send) => send()
    const changed = await uploadFile(atoll, path)
    assert.deepEqual(starts.slice(2), [0, part, 2 * part, 3 * part])
    assert.equal(changed.sha256, done.sha256)
  } finally {
    delete process.env.XDG_STATE_HOME
    await world.close()
    await rm(folder, { recursive: true, force: true })
  }
})
