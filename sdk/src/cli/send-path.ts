import type { Atoll } from '../index.ts'
import { packFolder } from './pack-folder.ts'
import { bytes } from './print.ts'
import { uploadFile, uploadOnce } from './upload-file.ts'

/** Uploads a file, or a folder as one archive that is made while it is sent. */
export async function sendPath(atoll: Atoll, path: string, isFolder: boolean, say: (text: string, passing?: boolean) => void) {
  const onProgress = (sent: number, of: number) => say(`  sent ${bytes(sent)} of ${bytes(of)}`, true)
  if (!isFolder) return uploadFile(atoll, path, { onProgress })
  const packed = await packFolder(path)
  say(`Packing ${packed.files.toLocaleString('en')} files (${bytes(packed.file.size)}).`)
  return uploadOnce(atoll, packed, { onProgress })
}
