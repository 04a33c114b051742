import type * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import { toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import type { JobContext } from '../jobs/handler.ts'
import { hub } from './hub.ts'
import { isSafePath, isWeights, kindOfFile } from './kinds.ts'
import type { HubSource, Provenance, Weights } from './schema.ts'

export interface Gathered {
  files: Weights['files']
  notes: string[]
  licence: string | null
  provenance: Provenance | null
}

const mostFiles = 2000
const mostBytes = 200 * 2 ** 30

/** Fetches what is of use of a repository, from one commit; what the hub states of sizes and hashes must be so. */
export async function fromHub(
  { blobs, outbound }: { blobs: BlobStore; outbound: Outbound },
  source: z.output<typeof HubSource>,
  { signal, progress }: Pick<JobContext, 'signal' | 'progress'>,
): Promise<Gathered> {
  const repository = hub(outbound, source)
  progress('list', 0, null, `Asks for ${source.repository}.`)
  const { commit, licence, files } = await repository.listing()
  const { kept, leftOut } = chosen(files)
  if (kept.length > mostFiles) throw invalidInput(`There are ${kept.length} files; weights have at most ${mostFiles}.`)
  const total = kept.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)
  if (total > mostBytes)
    throw invalidInput(`The repository holds ${Math.round(total / 2 ** 30)} GB of weights; at most 200 are taken.`)
  const list: Weights['files'] = []
  let bytes = 0
  for (const one of kept) {
    signal.throwIfAborted()
    progress('fetch', bytes, total || null, `${one.path}, file ${list.length + 1} of ${kept.length}`)
    const stream = await repository.file(commit, one.path, signal)
    const stored = await blobs.put(stream, {
      maxBytes: one.sizeBytes ?? mostBytes,
      ...(one.sha256 && { expected: one.sha256 }),
    })
    if (one.sizeBytes !== null && stored.sizeBytes !== one.sizeBytes)
      throw invalidInput(`"${one.path}" came with ${stored.sizeBytes} bytes where the hub lists ${one.sizeBytes}.`, {
        file: one.path,
      })
    bytes += stored.sizeBytes
    list.push({ path: one.path, ...stored, sandboxOnly: kindOfFile(one.path) === 'sandboxOnly' })
  }
  const { address, repository: name, revision } = source
  return {
    files: list,
    notes: leftOut.length > 0 ? [`Not fetched: ${sentenceOf(leftOut)}.`] : [],
    licence,
    provenance: { hub: address, repository: name, revision, commit, page: repository.page, fetchedAt: toIso(Date.now()) },
  }
}

/** Settings and words; safetensors, or where there are none torch's files, or a .gguf; nothing of other libraries, and no second copy in halves. */
function chosen(files: Awaited<ReturnType<ReturnType<typeof hub>['listing']>>['files']) {
  const has = (ending: RegExp) => files.some(({ path }) => ending.test(path))
  const taken = has(/\.safetensors$/) ? /\.safetensors$/ : has(/\.(bin|pt|pth)$/) ? /\.(bin|pt|pth)$/ : /\.(gguf|onnx)$/
  const isKept = (path: string) =>
    isSafePath(path) &&
    (isWeights(path)
      ? taken.test(path) && !/\.(fp16|fp32|bf16|int8)\./.test(path) && !/training_args|optimizer|scheduler/.test(path)
      : kindOfFile(path) === 'plain')
  const kept = files.filter(({ path }) => isKept(path))
  if (!kept.some(({ path }) => isWeights(path)))
    throw invalidInput('The repository holds no weights: neither *.safetensors nor *.bin, *.pt, *.gguf or *.onnx.')
  return { kept, leftOut: files.filter(({ path }) => !isKept(path)).map(({ path }) => path) }
}

const sentenceOf = (paths: readonly string[]) =>
  `${paths
    .slice(0, 20)
    .map((path) => `"${path}"`)
    .join(', ')}${paths.length > 20 ? ` and ${paths.length - 20} more` : ''}`
