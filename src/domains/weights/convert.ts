import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { JobContext } from '../jobs/handler.ts'
import { isTorch } from './kinds.ts'
import type { Weights } from './schema.ts'

/**
 * Files of torch (pickles) as safetensors, made by a job in the sandbox that reads numbers and nothing else. A file that asks for more is refused there,
 * before anything of it is run. Answers the new files; none where there is nothing to convert.
 */
export async function convertTorch(
  { files, blobs }: { files: Files; blobs: BlobStore },
  list: Weights['files'],
  { folder, runEngine, progress }: Pick<JobContext, 'folder' | 'runEngine' | 'progress'>,
): Promise<{ files: Weights['files']; notes: string[] }> {
  const given = list.filter(({ path }) => isTorch(path))
  if (given.length === 0 || list.some(({ path }) => path.endsWith('.safetensors'))) return { files: [], notes: [] }
  progress('convert', 0, given.length, 'Numbers are read in a sandbox and written as safetensors.')
  const made = await runEngine({
    name: 'convert',
    engine: 'weights.convert',
    runtime: 'deep',
    parameters: { files: given.map(({ path }) => path) },
    seed: 0,
    async prepare(data) {
      for (const { path, sha256 } of given) {
        const at = `weights/${path}`
        await files.makeFolder(data, at.slice(0, at.lastIndexOf('/')))
        await blobs.materialise(sha256, files.resolvePath(data, at))
      }
    },
  })
  const names = (made.result.files ?? []) as string[]
  const stored = await blobs.putFiles(names.map((name) => files.resolvePath(made.folder, `output/data/${name}`)))
  await files.remove(folder, 'convert/input')
  return {
    files: names.map((path, at) => ({
      path,
      ...stored[at]!,
      sandboxOnly: false,
      madeFrom: given.map((one) => one.path).join(', '),
    })),
    notes: [
      `${given.map(({ path }) => `"${path}"`).join(', ')} can run code when read: read in a sandbox, numbers alone, and written as safetensors. Those are used.`,
      ...((made.result.notes ?? []) as string[]),
    ],
  }
}
