import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from 'pino'
import { extract } from 'tar-stream'
import { conflict, invalidInput } from '../kernel/errors.ts'
import { openBlobs, openMetadata } from '../platform.ts'

export interface RestoreSummary {
  dataDir: string
  blobs: number
  sizeBytes: number
  version: string
}

/**
 * Lays a backup into a data folder that is empty or absent. Only the names that a backup writes are accepted, every blob is checked against its
 * hash and the database for integrity; the folder appears under its name when all is well, or not at all.
 */
export async function restore(file: string, dataDir: string, logger: Logger): Promise<RestoreSummary> {
  const present = await readdir(dataDir).catch(() => [])
  if (present.length > 0) throw conflict(`The folder ${dataDir} is not empty. Restore into a new one.`, { dataDir })
  const scratch = join(dirname(dataDir), `.${basename(dataDir)}.restoring`)
  await rm(scratch, { recursive: true, force: true })
  await mkdir(scratch, { recursive: true, mode: 0o700 })
  try {
    const summary = await unpack(file, scratch)
    await checkDatabase(scratch, logger)
    await rm(dataDir, { recursive: true, force: true })
    await rename(scratch, dataDir)
    return { dataDir, ...summary }
  } catch (error) {
    await rm(scratch, { recursive: true, force: true })
    throw error
  }
}

async function unpack(file: string, into: string): Promise<Omit<RestoreSummary, 'dataDir'>> {
  const blobs = await openBlobs({ dataDir: into })
  const summary = { blobs: 0, sizeBytes: 0, version: '' }
  let hasDatabase = false
  const reader = extract()
  const read = pipeline(createReadStream(file), reader)
  read.catch(() => {}) // Told below, once the loop over the entries has ended.
  for await (const entry of reader) {
    const { name, type, size } = entry.header
    const blob = /^blobs\/([0-9a-f]{64})$/.exec(name)?.[1]
    if (type !== 'file' || !(blob || name === 'manifest.json' || name === 'atoll.db'))
      throw invalidInput(`This is not a backup of Atoll: it holds "${name}" (${type}).`, { entry: name })
    const content = entry as unknown as Readable
    if (blob) {
      await blobs.put(content, { expected: blob })
      summary.blobs++
      summary.sizeBytes += size ?? 0
    } else if (name === 'atoll.db') {
      await pipeline(content, createWriteStream(join(into, name), { mode: 0o600, flags: 'wx' }))
      hasDatabase = true
    } else summary.version = await readManifest(content)
  }
  await read
  if (!hasDatabase) throw invalidInput('The backup holds no database; it is cut short or not a backup of Atoll.', { file })
  return summary
}

async function readManifest(content: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of content) chunks.push(chunk as Buffer)
  const manifest: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const { format, version } = manifest as { format?: unknown; version?: unknown }
  if (format !== 1 || typeof version !== 'string')
    throw invalidInput('The backup is of a format that this version does not know.', { format })
  return version
}

async function checkDatabase(dataDir: string, logger: Logger): Promise<void> {
  const metadata = await openMetadata({ databaseUrl: null, dataDir }, logger)
  const problems = await metadata.integrityCheck().finally(() => metadata.close())
  if (problems.length > 0) throw invalidInput(`The database in the backup is damaged: ${problems[0]}.`, { problems })
}
