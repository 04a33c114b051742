/** One entry of a package-lock.json. */
interface LockEntry {
  version?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  dev?: boolean
  [field: string]: unknown
}

export interface PackageLock {
  packages: Record<string, LockEntry>
}

interface Named {
  name: string
  version: string
}

/** package.json and package-lock.json of a folder that needs only `names`, pinned as they are here, with all that they need in turn. */
export function packagesOf(
  lock: PackageLock,
  names: readonly string[],
  { name, version }: Named,
): { manifest: object; lock: object } {
  const dependencies = Object.fromEntries(names.map((one) => [one, versionOf(lock, `node_modules/${one}`)]))
  const manifest = {
    name,
    version,
    private: true,
    type: 'module',
    engines: { node: '>=22' },
    scripts: { start: 'node server/standalone/main.js', prove: 'node server/standalone/prove.js' },
    dependencies,
  }
  const wanted = new Map<string, LockEntry>()
  const waiting = names.map((one) => `node_modules/${one}`)
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (wanted.has(path)) continue
    const { dev: _, ...entry } = lock.packages[path]!
    wanted.set(path, entry)
    for (const dependency of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      const at = placeOf(lock, path, dependency)
      // A package for another machine may be left out of a lock.
      if (at !== null) waiting.push(at)
    }
  }
  const { scripts: _, private: __, type: ___, ...root } = manifest
  return {
    manifest,
    lock: {
      name,
      version,
      lockfileVersion: 3,
      requires: true,
      packages: { '': root, ...Object.fromEntries([...wanted].sort()) },
    },
  }
}

const versionOf = (lock: PackageLock, path: string): string => {
  const { version } = lock.packages[path] ?? {}
  if (version === undefined) throw new Error(`package-lock.json has no ${path}.`)
  return version
}

/** Where a package finds another: in its own folder, or in one of those above it. */
function placeOf(lock: PackageLock, from: string, name: string): string | null {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (lock.packages[path]) return path
    if (at === '') return null
  }
}
