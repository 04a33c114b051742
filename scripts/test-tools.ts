/** What tests need beyond the packages: the Python runtime with pytest, clients of other protocols, bubblewrap, Chromium. Installed where that is possible, else named. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../src/kernel/config.ts'
import { pythonRuntimes } from '../src/ports/engines/python.ts'

interface Tools {
  /** A Python with the audio runtime (and so the deep and the tabular one), what language models need besides, pytest and ruff. */
  python: string
  env: Record<string, string>
}

export async function installTools(root: string): Promise<Tools> {
  debianPackages()
  const config = readConfig(process.env)
  const runtimes = pythonRuntimes({ dir: config.runtimesDir, python: config.python, sources: join(root, 'python') })
  const said = (message: string) => console.log(`  ${message}`)
  const runtime = await runtimes.ensure('audio', said)
  const language = await runtimes.ensure('llm', said)
  const place = { root, python: runtime.python, runtimesDir: config.runtimesDir }
  return {
    python: runtime.python,
    env: {
      ATOLL_RUNTIMES: config.runtimesDir,
      ATOLL_TEST_PYTHON: runtime.python,
      ...clientPackages(place),
      PYTHONPATH: [join(root, 'python'), packagesBeside('dev', 'pytest and ruff', place), packagesOf(language.python)].join(':'),
    },
  }
}

/** Where a runtime's own packages lie. */
const packagesOf = (python: string): string =>
  execFileSync(python, ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'], { encoding: 'utf8' }).trim()

/** Packages of a lock that live beside the runtimes, not in one: jobs must not see them. */
function packagesBeside(name: 'dev' | 'clients', what: string, { root, python, runtimesDir }: Place): string {
  const lockFile = join(root, 'python', 'runtimes', `${name}.txt`)
  const lock = readFileSync(lockFile, 'utf8')
  const version = execFileSync(python, ['-c', 'import sys; print(sys.version_info[:2])'], { encoding: 'utf8' })
  const folder = join(runtimesDir, `${name}-${createHash('sha256').update(lock).update(version).digest('hex').slice(0, 16)}`)
  const ready = join(folder, '.ready')
  if (!existsSync(ready)) {
    console.log(`  installing ${what}`)
    execFileSync(
      python,
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--upgrade',
        '--target',
        folder,
        '-r',
        lockFile,
      ],
      { stdio: 'inherit' },
    )
    writeFileSync(ready, '')
  }
  return folder
}

interface Place {
  root: string
  python: string
  runtimesDir: string
}

/** Without them the tests of the protocols' Python clients skip, and say so. */
function clientPackages(place: Place): Record<string, string> {
  try {
    return { ATOLL_TEST_CLIENTS: packagesBeside('clients', 'clients of other protocols for Python', place) }
  } catch (error) {
    console.log(
      `  The Python clients of other protocols cannot be installed (${(error as Error).message.split('\n')[0]}). Tests that need them skip.`,
    )
    return {}
  }
}

function debianPackages(): void {
  const wanted = { bubblewrap: '/usr/bin/bwrap', chromium: '/usr/bin/chromium', strace: '/usr/bin/strace' }
  const missing = Object.entries(wanted)
    .filter(([, path]) => !existsSync(path))
    .map(([name]) => name)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).error) {
    console.log(
      `  not installed, and this account cannot install them: ${missing.join(', ')}. Tests that need them skip and say so.`,
    )
    return
  }
  console.log(`  installing Debian packages: ${missing.join(', ')}`)
  const quiet = { stdio: 'ignore' as const, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  spawnSync('apt-get', ['update'], quiet)
  const { status } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing, 'fonts-dejavu-core'], quiet)
  if (status !== 0)
    console.log(`  apt-get could not install ${missing.join(', ')} (status ${status}). Tests that need them skip and say so.`)
}
