import type { Files } from '../../ports/files/files.ts'

/**
 * Stage results that outlive an attempt: a folder and a record each, in the job's checkpoint folder.
 * The record is written last, so that a stage is either done or runs again.
 */
export function stageResults(files: Files, checkpointFolder: string) {
  const root = files.resolvePath(checkpointFolder, 'stages')

  /** Runs a stage unless an earlier attempt finished it. `work` fills the stage's folder and answers its record. */
  async function once<T extends object>(name: string, work: (folder: string) => Promise<T>): Promise<T & { folder: string }> {
    const folder = files.resolvePath(root, name)
    if (await files.exists(root, `${name}.json`)) return { ...((await files.readJson(root, `${name}.json`)) as T), folder }
    await files.remove(root, name)
    await files.makeFolder(root, name)
    const record = await work(folder)
    await files.writeJson(root, `${name}.json`, record)
    return { ...record, folder }
  }

  return { once }
}
