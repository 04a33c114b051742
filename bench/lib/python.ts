import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A virtual environment of a peer, made once from its locked requirements; answers its interpreter. */
export function peerPython(requirements: string): string {
  const lock = readFileSync(requirements, 'utf8')
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 12)
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'atoll', 'bench', key)
  const python = join(folder, 'bin', 'python')
  if (existsSync(join(folder, 'ready'))) return python
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' })
  execFileSync(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(join(folder, 'ready'), '')
  return python
}
