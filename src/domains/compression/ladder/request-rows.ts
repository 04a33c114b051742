import { buffer } from 'node:stream/consumers'
import type { Files } from '../../../ports/files/files.ts'
import type { Signature } from '../../registry/schema.ts'

/** Rows of a laid table as clients send them: files as base64 in the place of their paths. */
export async function asRequests(
  files: Files,
  { folder, signature, rows }: { folder: string; signature: Pick<Signature, 'inputs'>; rows: Record<string, unknown>[] },
): Promise<Record<string, unknown>[]> {
  const media = signature.inputs.filter(({ tensor }) => tensor === 'image' || tensor === 'audio')
  if (media.length === 0) return rows
  return Promise.all(
    rows.map(async (row) => {
      const sent = { ...row }
      for (const { name } of media) {
        const { stream } = await files.open(folder, `media/${String(row[name])}`)
        sent[name] = (await buffer(stream)).toString('base64')
      }
      return sent
    }),
  )
}
