import assert from 'node:assert/strict'
import type { World } from '../platform-world.ts'

/** Sends a file whole; answers the upload's id. */
export async function uploadBytes({ server, call, token }: World, filename: string, bytes: Buffer): Promise<string> {
  const { json } = await call('POST', '/v1/uploads', { body: { filename, sizeBytes: bytes.length } })
  const put = await fetch(`${server.url}/v1/uploads/${json.id}?offset=0`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(bytes),
  })
  assert.equal(put.status, 200, await put.text())
  return json.id
}
