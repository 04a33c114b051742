import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A virtual environment of a peer, made once from its locked requirements; answers its interpreter. */
export function peerPython(requirements: string): string {
  const folder = madeOnce(readFileSync(requirements, 'utf8'), (folder) => {
    const python = join(folder, 'bin', 'python')
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' })
    execFileSync(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  })
  return join(folder, 'bin', 'python')
}

/** A folder of what takes long to make, made once for what it is made of. */
export function madeOnce(madeOf: string, make: (folder: string) => void): string {
  const key = createHash('sha256').update(madeOf).digest('hex').slice(0, 12)
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'atoll', 'bench', key)
  if (existsSync(join(folder, 'ready'))) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  make(folder)
  writeFileSync(join(folder, 'ready'), '')
  return folder
}
