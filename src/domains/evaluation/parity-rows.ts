import type { Files } from '../../ports/files/files.ts'
import type { PackageSource } from '../registry/package.ts'

/** Larger proofs are not kept beside their model. */
const mostEvidenceBytes = 64 * 2 ** 20

/** The rows of a proof and what was expected of them, to be kept with a version: who exports it can replay them there. */
export async function parityRows(files: Files, folder: string): Promise<PackageSource[]> {
  const sources: PackageSource[] = []
  let bytes = 0
  for (const path of ['parity_rows.jsonl', 'parity_expected.json']) {
    if (!(await files.exists(folder, path))) return []
    const { stream, sizeBytes } = await files.open(folder, path)
    stream.destroy()
    bytes += sizeBytes
    sources.push({ path, root: folder, at: path })
  }
  return bytes > mostEvidenceBytes ? [] : sources
}
