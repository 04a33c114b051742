/** H9, the end of it: connections that dawdle over headers or body are closed by the server. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { onEachPlatform } from '../platform-world.ts'

onEachPlatform('headers or a body at a byte a second do not hold a connection', async ({ port, token }) => {
  const endsAfter = (start: string) =>
    new Promise<number>((resolve) => {
      const began = performance.now()
      const socket = connect(port, '127.0.0.1', () => socket.write(start))
      const drip = setInterval(() => socket.write('a'), 1000)
      socket.on('error', () => {})
      socket.resume()
      socket.on('close', () => {
        clearInterval(drip)
        resolve((performance.now() - began) / 1000)
      })
    })
  const [headers, body] = await Promise.all([
    endsAfter('GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
    endsAfter(
      `POST /v1/experiments HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
    ),
  ])
  assert.ok(headers < 30, `headers: ${headers} s`)
  assert.ok(body < 45, `body: ${body} s`)
})
