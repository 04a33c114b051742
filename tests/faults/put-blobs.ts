/** Stores three blobs in the folder named, and says each hash once it is durable. Killed at every system call by the test. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFilesystemBlobs } from '../../src/ports/blobs/filesystem.ts'

const root = process.argv[2]!
const blobs = await openFilesystemBlobs({ root })
const stored = async (what: Promise<{ sha256: string }>) => process.stdout.write(`stored ${(await what).sha256}\n`)
await stored(blobs.put('a'.repeat(300_000)))
await stored(blobs.put('b'))
writeFileSync(join(root, 'output'), 'c'.repeat(100_000))
await stored(blobs.putFile(join(root, 'output')))
