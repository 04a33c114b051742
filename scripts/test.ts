/** Every test of both languages, and the checks; ends with one line that counts them all. `--long` runs the long forms instead. */
import { type SpawnOptions, spawn } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installTools } from './test-tools.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const long = process.argv.includes('--long')
const only = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const totals = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []

const tools = await installTools(root)
const env = { ...process.env, ...tools.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` }

if (!long && only.length === 0)
  for (const [name, argv] of [
    ['format and lint', ['biome', 'check', '--diagnostic-level=error', '.']],
    ['types', ['tsc', '--noEmit']],
    ['types of the web', ['tsc', '--noEmit', '-p', 'web']],
    ['import direction', ['node', 'scripts/check-imports.ts']],
    ['unused code', ['knip']],
    ['Python lint', [tools.python, '-m', 'ruff', 'check', '--quiet', 'python']],
  ] as const)
    await check(name, argv[0], argv.slice(1))

await nodeTests()
await pythonTests()

if (failures.length) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`)
console.log(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ''}`)
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0

async function check(name: string, command: string, args: readonly string[]): Promise<void> {
  const { code, output } = await run(command, args, { quiet: true })
  console.log(`${code === 0 ? '✔' : '✖'} ${name}`)
  if (code === 0) totals.passed++
  else {
    totals.failed++
    failures.push(name)
    console.log(output.slice(-6000))
  }
}

async function nodeTests(): Promise<void> {
  const patterns = only.length
    ? only.filter((path) => path.endsWith('.ts'))
    : [
        'src/**/*.test.ts',
        'sdk/**/*.test.ts',
        'scripts/**/*.test.ts',
        'bench/**/*.test.ts',
        'tests/**/*.test.ts',
        'web/src/**/*.test.ts',
      ]
  const files = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .filter((file) => file.includes('.long.test.') === long)
  if (files.length === 0) return
  const { code, output } = await run('node', [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-concurrency=2',
    '--test-timeout=900000',
    '--test-reporter=spec',
    ...files,
  ])
  const count = (word: string) => Number(new RegExp(`^ℹ ${word} (\\d+)`, 'm').exec(output)?.[1] ?? 0)
  add(count('pass'), count('fail') + count('cancelled'), count('skipped') + count('todo'), code, 'TypeScript tests')
}

/** Two processes side by side, each with about half of the tests: most of them hold one core. */
async function pythonTests(): Promise<void> {
  const paths = only.length ? only.filter((path) => path.includes('.py')) : globSync('python/tests/test_*.py', { cwd: root })
  const halves = inHalves(paths.map((path) => ({ path, bytes: statSync(join(root, path.split('::')[0]!)).size })))
  await Promise.all(halves.filter((half) => half.length > 0).map(pythonProcess))
}

async function pythonProcess(paths: string[]): Promise<void> {
  const { code, output } = await run(tools.python, [
    '-m',
    'pytest',
    '-q',
    '-rs',
    '-p',
    'no:cacheprovider',
    '-m',
    long ? 'long' : 'not long',
    ...paths,
  ])
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(output.trimEnd().split('\n').at(-1) ?? '')?.[1] ?? 0)
  add(count('passed'), count('failed') + count('error'), count('skipped'), code === 5 ? 0 : code, 'Python tests')
}

function inHalves(files: { path: string; bytes: number }[]): [string[], string[]] {
  const halves: [string[], string[]] = [[], []]
  const sizes = [0, 0]
  for (const { path, bytes } of files.sort((a, b) => b.bytes - a.bytes)) {
    const smaller = sizes[0]! <= sizes[1]! ? 0 : 1
    halves[smaller].push(path)
    sizes[smaller]! += bytes
  }
  return halves
}

function add(passed: number, failed: number, skipped: number, code: number | null, name: string): void {
  totals.passed += passed
  totals.failed += failed
  totals.skipped += skipped
  if (failed) failures.push(`${name}: ${failed}`)
  else if (code !== 0) {
    totals.failed++
    failures.push(`${name} ended with code ${code}`)
  }
}

function run(command: string, args: readonly string[], { quiet = false } = {}): Promise<{ code: number | null; output: string }> {
  const options: SpawnOptions = { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] }
  return new Promise((resolve) => {
    const child = spawn(command, args, options)
    let output = ''
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (data: Buffer) => {
        output += data
        if (!quiet) process.stdout.write(data)
      })
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code) => resolve({ code, output }))
  })
}
