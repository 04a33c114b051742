import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHead } from './request-head.ts'

const head = (...lines: string[]) => readHead(['POST /v1/x HTTP/1.1', 'Host: a:1', 'Content-Length: 3', ...lines].join('\r\n'))

test('a plain request is read with its headers in lower case', () => {
  const read = head('Content-Type: application/json', 'X-Empty:', 'Accept:  */* ', 'Connection: Keep-Alive')
  assert.deepEqual([read?.method, read?.url, read?.contentLength], ['POST', '/v1/x', 3])
  assert.deepEqual(
    { ...read!.headers },
    {
      host: 'a:1',
      'content-length': '3',
      'content-type': 'application/json',
      'x-empty': '',
      accept: '*/*',
      connection: 'Keep-Alive',
    },
  )
})

test('whatever two readers could understand differently is not plain', () => {
  for (const line of [
    'Transfer-Encoding: chunked',
    'transfer-encoding : chunked',
    'Content-Length: 3',
    'Content-Length: 4',
    'Host: b',
    'Connection: close',
    'Connection: keep-alive, upgrade',
    'Upgrade: h2c',
    'Expect: 100-continue',
    'Trailer: x',
    'Content-Encoding: gzip',
    'X-Space : 1',
    ' folded: 1',
    '\tfolded',
    'No colon',
    ': no name',
    'X-Line: a\nTransfer-Encoding: chunked',
    'X-Return: a\rb',
    'X-Nul: a\0b',
    'X-High: caf\xe9',
    'X_Under: 1',
  ])
    assert.equal(head(line), null, JSON.stringify(line))
  for (const text of [
    'POST /v1/x HTTP/1.0\r\nHost: a\r\nContent-Length: 3',
    'POST http://a/v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3',
    'POST  /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3',
    '\r\nPOST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3',
    'POST /v1/x HTTP/1.1\nHost: a\nContent-Length: 3',
    'POST /v1/x HTTP/1.1\r\nContent-Length: 3',
    'POST /v1/x HTTP/1.1\r\nHost:\r\nContent-Length: 3',
    'POST /v1/x HTTP/1.1\r\nHost: a',
    'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: +3',
    'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3',
    'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3',
    'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999',
    'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: -1',
  ])
    assert.equal(readHead(text), null, JSON.stringify(text))
})
