/** Every test of both languages, and the checks; ends with one line that counts them all. `--long` runs the long forms instead. */
import { globSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Counts, type Finished, runOne, runQueue, type TestProcess } from './test-queue.ts'
import { installTools } from './test-tools.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const long = process.argv.includes('--long')
const only = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const totals = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []
const took: { name: string; seconds: number }[] = []
const minute = 60_000

const tools = await installTools(root)
/** So that the closing line comes while whoever waits for it still does. */
const deadline = performance.now() + (long ? 24 * 60 : 45) * minute
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

const queue = { cwd: root, env, slots: 2, limitSeconds: long ? 3 * 3600 : 900, deadline }
const again: TestProcess[] = []
const processes = [...pythonProcesses(), ...nodeProcesses()]
await runQueue(processes, queue, (one) => {
  const process = processes.find(({ name }) => name === one.name)!
  const isSecondChance = one.failed > 0 && !long && only.length === 0
  report(one, isSecondChance ? 'fails and is run once more' : null)
  if (isSecondChance) again.push(process)
  else add(one)
})
// On a machine that others use too, a bound in time may be missed once. What fails twice has failed.
const second: string[] = []
await runQueue(again, { ...queue, slots: 1 }, (one) => {
  report(one, null)
  add(one)
  if (one.failed === 0) second.push(one.name)
})

const slowest = took.sort((a, b) => b.seconds - a.seconds).slice(0, 12)
console.log(`\nSlowest:\n${slowest.map((one) => `  ${one.seconds.toFixed(0).padStart(4)} s  ${one.name}`).join('\n')}`)
if (second.length) console.log(`\nPassed only when run a second time:\n${second.map((name) => `  ${name}`).join('\n')}`)
if (failures.length) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`)
console.log(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ''}`)
process.exit(totals.failed > 0 || totals.passed === 0 ? 1 : 0)

async function check(name: string, command: string, args: readonly string[]): Promise<void> {
  const one = { name, command, args, count: () => ({ passed: 0, failed: 0, skipped: 0 }) }
  const { trouble, output } = await runOne(one, { cwd: root, env, slots: 1, limitSeconds: 600, deadline })
  console.log(`${trouble === null ? '✔' : '✖'} ${name}`)
  if (trouble === null) totals.passed++
  else {
    totals.failed++
    failures.push(name)
    console.log(output.slice(-6000))
  }
}

/** A process for each file, the large ones first, so that none is left alone at the end. */
function nodeProcesses(): TestProcess[] {
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
  return bySize(files).map((file) => ({
    name: file,
    command: 'node',
    args: [
      '--disable-warning=ExperimentalWarning',
      '--test-reporter=spec',
      `--test-timeout=${(long ? 120 : 5) * minute}`,
      '--test-force-exit',
      file,
    ],
    count: countNode,
  }))
}

function countNode(output: string): Counts {
  const count = (word: string) => Number(new RegExp(`^ℹ ${word} (\\d+)`, 'm').exec(output)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail') + count('cancelled'), skipped: count('skipped') + count('todo') }
}

/** A few processes with about as much to do each: to load the libraries takes seconds, so not one for every file. */
function pythonProcesses(): TestProcess[] {
  const paths = only.length ? only.filter((path) => path.includes('.py')) : globSync('python/tests/test_*.py', { cwd: root })
  const parts = inParts(paths, Math.min(paths.length, long ? paths.length : 8))
  return parts.map((part, at) => ({
    name: `Python tests ${at + 1} of ${parts.length} (${part.map((path) => path.replace('python/tests/', '')).join(' ')})`,
    command: tools.python,
    // 5: of these files none has a test of the kind that is asked for.
    goodCodes: [0, 5],
    args: [
      ...['-m', 'pytest', '-q', '-rs', '--durations=5', '-p', 'no:cacheprovider'],
      `--timeout=${long ? 7200 : 300}`,
      ...['-m', long ? 'long' : 'not long', ...part],
    ],
    count: countPython,
  }))
}

function countPython(output: string): Counts {
  const last = output.trimEnd().split('\n').at(-1) ?? ''
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0)
  return { passed: count('passed'), failed: count('failed') + count('error'), skipped: count('skipped') }
}

function bySize(paths: string[]): string[] {
  return [...new Set(paths)].sort((a, b) => bytesOf(b) - bytesOf(a))
}

function bytesOf(path: string): number {
  return statSync(join(root, path.split('::')[0]!)).size
}

function inParts(paths: string[], count: number): string[][] {
  const parts = Array.from({ length: count }, () => ({ bytes: 0, paths: [] as string[] }))
  for (const path of bySize(paths)) {
    const least = parts.reduce((a, b) => (b.bytes < a.bytes ? b : a))
    least.paths.push(path)
    least.bytes += bytesOf(path)
  }
  return parts.map((part) => part.paths)
}

function report(one: Finished, note: string | null): void {
  took.push(one)
  const counts = `${one.passed} passed${one.failed ? `, ${one.failed} failed` : ''}${one.skipped ? `, ${one.skipped} skipped` : ''}`
  console.log(`${one.failed ? '✖' : '✔'} ${one.name}: ${counts} in ${one.seconds.toFixed(1)} s${note ? `; ${note}` : ''}`)
  if (one.failed) console.log(`${one.trouble ? `It ${one.trouble}.\n` : ''}${one.output.slice(-12_000)}`)
  else for (const line of one.output.match(/^(﹣.*|SKIPPED .*)$/gm) ?? []) console.log(`    ${line}`)
}

function add(one: Finished): void {
  totals.passed += one.passed
  totals.failed += one.failed
  totals.skipped += one.skipped
  if (one.failed) failures.push(`${one.name}: ${one.trouble ?? `${one.failed} failed`}`)
}
