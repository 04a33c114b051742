import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import * as z from 'zod'
import { route } from '../../kernel/route.ts'
import { onEachServer } from './testing.ts'

const slow = route({
  method: 'GET',
  path: '/v1/slow',
  permission: 'platform:health',
  summary: 'Takes a while',
  tag: 'try',
  returns: z.object({ ok: z.boolean() }),
  async handle() {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return { ok: true }
  },
})

onEachServer(
  'closing answers what was accepted, and waits for no connection that is merely kept open',
  async ({ app }) => {
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const agent = new Agent({ keepAlive: true })
    const ask = () =>
      new Promise<string>((resolve, reject) => {
        const call = request(`${url}/v1/slow`, { agent }, (reply) => {
          let text = ''
          reply.on('data', (piece) => {
            text += piece
          })
          reply.on('end', () => resolve(text))
        })
        call.on('error', reject)
        call.end()
      })
    await ask()
    const accepted = Array.from({ length: 20 }, ask)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const start = performance.now()
    const closed = app.close()
    assert.deepEqual(new Set(await Promise.all(accepted)), new Set(['{"ok":true}']))
    await closed
    assert.ok(performance.now() - start < 3000, `closed after ${performance.now() - start} ms`)
    agent.destroy()
  },
  { routes: [slow] },
)
