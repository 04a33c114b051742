import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, type Machine } from './lib/machine.ts'
import { noiseSoFar, quietCores } from './lib/quiet.ts'
import type { BenchOptions, BenchResult } from './lib/result.ts'

// npm run bench -- serving [--quick] [--rounds 5] [--save]

interface Saved {
  machine: Machine
  /** Cores that others used at the start of the noisiest measurement. */
  noise: number
  results: BenchResult[]
}

const folder = import.meta.dirname
const resultsFolder = join(folder, 'results')
const suites = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'run.ts' && !file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -3))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' }, save: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !suites.includes(name))
if (unknown.length > 0 || positionals.length === 0) {
  console.error(`usage: npm run bench -- ${suites.join('|')} … [--quick] [--rounds N] [--save]`)
  process.exit(2)
}
const options: BenchOptions = { quick: values.quick, rounds: Number(values.rounds ?? (values.quick ? 3 : 5)) }
let failed = false
for (const name of positionals) {
  const machine = describeMachine()
  const { suite } = (await import(`./${name}.ts`)) as { suite(options: BenchOptions): Promise<BenchResult[]> }
  const results = await suite(options)
  for (const result of results) console.log(`${result.pass ? 'pass' : 'FAIL'}  ${result.id}  ${result.what}: ${figures(result)}`)
  const noise = noiseSoFar()
  if (noise > quietCores) console.error(`others used up to ${noise} cores meanwhile: measure again on a quiet machine`)
  failed ||= results.some((result) => !result.pass)
  if (!values.save) continue
  mkdirSync(resultsFolder, { recursive: true })
  writeFileSync(join(resultsFolder, `${name}.json`), `${JSON.stringify({ machine, noise, results } satisfies Saved, null, 1)}\n`)
}
if (values.save) writeFileSync(join(folder, 'RESULTS.md'), page())
process.exit(failed ? 1 : 0)

function page(): string {
  const saved = suites
    .map((name) => join(resultsFolder, `${name}.json`))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Saved)
  const lines = [
    '# Results',
    '',
    'Made by `npm run bench -- … --save`; not edited by hand. Ratios are medians over interleaved rounds of one run, with a bootstrap 95 % interval.',
    '',
  ]
  for (const { machine, noise, results } of saved) {
    lines.push(`## ${results[0]?.suite}`, '')
    lines.push(
      `${machine.at.slice(0, 10)}, commit ${machine.commit}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, node ${machine.node}, load ${machine.load} at the start${noise > quietCores ? `; **others used up to ${noise} cores meanwhile**` : ''}.`,
      '',
    )
    lines.push('| goal | what | ours | against | ratio [95 %] | wanted | |', '|-|-|-|-|-|-|-|')
    for (const result of results) lines.push(row(result))
    lines.push('')
  }
  return `${lines.join('\n')}`
}

function row(result: BenchResult): string {
  const { ours, against, ratio, goal } = result
  const cells = [
    result.id,
    `${result.what}. ${result.note}`,
    `${short(ours.value)} ${ours.unit}`,
    against ? `${short(against.value)} ${ours.unit}: ${against.name}` : '',
    ratio ? `${short(ratio.median)} [${short(ratio.low)}, ${short(ratio.high)}]` : '',
    `${goal.compare === '>=' ? '≥' : '≤'} ${goal.value}${goal.of === 'ratio' ? ' ×' : ` ${ours.unit}`}`,
    result.pass ? 'pass' : '**no**',
  ]
  return `| ${cells.join(' | ')} |`
}

function figures({ ours, against, ratio, goal }: BenchResult): string {
  const compared =
    against && ratio
      ? `, ${short(against.value)} ${against.name}, ratio ${short(ratio.median)} [${short(ratio.low)}, ${short(ratio.high)}]`
      : ''
  return `${short(ours.value)} ${ours.unit}${compared}; wanted ${goal.compare} ${goal.value}`
}

function short(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
