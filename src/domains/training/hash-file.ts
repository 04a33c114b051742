import { createHash } from 'node:crypto'
import type { Files } from '../../ports/files/files.ts'

/** SHA-256 of a file, piece by piece: a large model never holds up other work. */
export async function hashFile(files: Files, root: string, path: string): Promise<string> {
  const { stream } = await files.open(root, path)
  const hash = createHash('sha256')
  for await (const part of stream) hash.update(part as Uint8Array)
  return hash.digest('hex')
}
