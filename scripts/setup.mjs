// Brings a fresh checkout to where everything runs: packages, then the web UI. Runs under any Node >= 20, needs nothing installed.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const say = (text) => process.stderr.write(`${text}\n`)
const hash = (...files) => {
  const sum = createHash('sha256')
  for (const file of files) sum.update(file.slice(root.length)).update(readFileSync(file))
  return sum.digest('hex')
}
const isCurrent = (marker, value) => existsSync(marker) && readFileSync(marker, 'utf8') === value

const lock = hash(join(root, 'package-lock.json'))
const installed = join(root, 'node_modules', '.atoll-lock')
if (!isCurrent(installed, lock)) {
  say('Installing packages (about a minute) …')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] })
  writeFileSync(installed, lock)
}

const sources = [...filesUnder(join(root, 'web')), ...filesUnder(join(root, 'sdk', 'src'))].sort()
const built = join(root, 'web', 'dist', '.atoll-source')
if (existsSync(join(root, 'web', 'index.html')) && !isCurrent(built, hash(...sources))) {
  say('Building the web pages …')
  const node = join(root, 'node_modules', '.bin', 'node')
  execFileSync(node, [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', 'web', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  mkdirSync(dirname(built), { recursive: true })
  writeFileSync(built, hash(...sources))
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'dist' || entry.name === 'node_modules') return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesUnder(path) : [path]
  })
}
