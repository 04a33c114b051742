import type * as z from 'zod'
import { PlatformError } from '../../kernel/errors.ts'
import type { BlobInfo, BlobStore } from '../../ports/blobs/blob-store.ts'
import { readerOf } from '../../ports/blobs/read-range.ts'
import type { Files } from '../../ports/files/files.ts'
import type { ServedBy } from '../../ports/inference/signature.ts'
import { readGguf } from '../../ports/language/gguf-header.ts'
import type { Manifest, PackageEngine, PackageFile } from './schema.ts'

type ManifestOut = z.infer<typeof Manifest>
type PackageEntry = z.infer<typeof PackageFile>

/** A file of a package before it is stored: on disk under a root, text made by the platform, or a blob that is there. */
export type PackageSource = { path: string } & ({ root: string; at: string } | { text: string } | BlobInfo)

/** What the open part of a package may hold: nothing that runs when it is read. */
export const isOpenFile = (path: string): boolean => /^[\w-]+(\.[\w-]+)*\.(onnx|json|safetensors|gguf|jinja|md)$/.test(path)

/** Stores the files of a package as blobs and writes its manifest. Native files are listed apart: the server never opens them. */
export async function storePackage(
  { blobs, files }: { blobs: BlobStore; files: Files },
  sources: {
    open: PackageSource[]
    sandboxOnly: PackageSource[]
    /** parity_rows.jsonl and parity_expected.json. */
    evidence?: PackageSource[]
    kind: ServedBy
    engine?: PackageEngine
    /** Made here unless told. */
    trust?: ManifestOut['trust']
  },
): Promise<ManifestOut> {
  const stray = sources.open.find((source) => !isOpenFile(source.path))
  if (stray) throw new PlatformError('internal', `"${stray.path}" is not a file of a model package.`, { path: stray.path })
  const store = async (source: PackageSource): Promise<PackageEntry> => {
    const { path } = source
    const stored = await storedOf(source)
    // Native code will read it: nothing broken gets as far as that.
    if (path.endsWith('.gguf')) await readGguf(readerOf(blobs, stored.sha256), { path, sizeBytes: stored.sizeBytes })
    return { path, ...stored }
  }
  async function storedOf(source: PackageSource): Promise<BlobInfo> {
    if ('sha256' in source) return { sha256: source.sha256, sizeBytes: source.sizeBytes }
    return blobs.put('text' in source ? source.text : (await files.open(source.root, source.at)).stream)
  }
  const stored = { open: [] as PackageEntry[], sandboxOnly: [] as PackageEntry[] }
  for (const source of sources.open) stored.open.push(await store(source))
  for (const source of sources.sandboxOnly) stored.sandboxOnly.push(await store(source))
  const evidence: PackageEntry[] = []
  for (const source of sources.evidence ?? []) evidence.push(await store(source))
  const byPath = (a: PackageEntry, b: PackageEntry) => (a.path < b.path ? -1 : 1)
  return {
    format: 1,
    kind: sources.kind,
    trust: sources.trust ?? 'built',
    ...(sources.engine && { engine: sources.engine }),
    files: stored.open.sort(byPath),
    sandboxOnly: stored.sandboxOnly.sort(byPath),
    ...(evidence.length > 0 && { evidence }),
    createdAt: new Date().toISOString(),
  }
}

/** Lays a package in a folder: its files, manifest.json, and native/ where it is for a sandboxed process. */
export async function layPackage(
  { blobs, files }: { blobs: BlobStore; files: Files },
  manifest: ManifestOut,
  folder: string,
  { sandboxOnly = false }: { sandboxOnly?: boolean } = {},
): Promise<void> {
  const entries = sandboxOnly ? [...manifest.files, ...manifest.sandboxOnly] : manifest.files
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf('/')
    await files.makeFolder(folder, slash < 0 ? undefined : entry.path.slice(0, slash))
    await blobs.materialise(entry.sha256, files.resolvePath(folder, entry.path))
  }
  await files.writeJson(folder, 'manifest.json', manifest)
}
