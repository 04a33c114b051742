import type { Job, JobEvent } from '../index.ts'

/** Aligned columns; numbers to the right. */
export function table(headings: string[], rows: unknown[][]): string {
  const cells = rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? '–' : String(cell))))
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const numeric = headings.map((_, i) => rows.length > 0 && rows.every((row) => row[i] == null || typeof row[i] === 'number'))
  const line = (row: string[]) =>
    row
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [line(headings), line(widths.map((width) => '─'.repeat(width))), ...cells.map(line)].join('\n')
}

export const round = (value: number, digits = 3): number => Number(value.toFixed(digits))

export const interval = (metric: { value: number; low: number; high: number }): string =>
  `${metric.value.toFixed(3)} [${metric.low.toFixed(3)}, ${metric.high.toFixed(3)}]`

export function bytes(n: number | null): string {
  if (n === null) return '–'
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (n >= size) return `${(n / size).toFixed(1)} ${unit}`
  return `${n} B`
}

/** One line per thing worth a person's eye; on a terminal the progress line rewrites itself, elsewhere each stage is a line (unless `stages` is off). */
export function progressPrinter({ out = process.stderr, stages = true }: { out?: NodeJS.WriteStream; stages?: boolean } = {}): {
  onEvent(event: JobEvent): void
  done(): void
} {
  let open = false
  const clear = () => {
    if (open) out.write(out.isTTY ? '\r\x1b[K' : '')
    open = false
  }
  let lastStage = ''
  return {
    onEvent(event) {
      if (event.type === 'progress') {
        const { stage, done, of, etaSeconds, message } = event.data as {
          stage: string
          done: number
          of: number | null
          etaSeconds: number | null
          message: string
        }
        const share = of ? ` ${Math.round((100 * done) / of)} %` : ''
        const eta = etaSeconds ? `, about ${Math.ceil(etaSeconds)} s left` : ''
        if (out.isTTY) {
          clear()
          out.write(`  ${stage}${share}${eta}${message ? ` – ${message}` : ''}`.slice(0, (out.columns ?? 100) - 1))
          open = true
        } else if (stages && stage !== lastStage) out.write(`  ${stage}\n`)
        lastStage = stage
      } else if (event.type === 'warning') {
        clear()
        out.write(`  warning: ${String(event.data.message)}\n`)
      }
    },
    done: clear,
  }
}

export function logLine(event: JobEvent): string {
  const at = event.at.slice(11, 19)
  const data = event.data
  if (event.type === 'log') return `${at} ${data.level === 'info' ? '' : `${String(data.level)} `}${String(data.message)}`
  if (event.type === 'metric') return `${at} ${String(data.name)} = ${String(data.value)} (step ${String(data.step)})`
  if (event.type === 'progress')
    return `${at} ${String(data.stage)} ${String(data.done)}/${String(data.of ?? '?')} ${String(data.message ?? '')}`
  if (event.type === 'trial')
    return `${at} trial ${String(data.trial)} ${String(data.algorithm)} ${String(data.state)} ${data.score == null ? '' : Number(data.score).toFixed(4)}`
  if (event.type === 'rules') return `${at} rules ${ruleCounts(data.rules)}`
  if (event.type === 'evidence')
    return `${at} evidence at ${data.step === undefined ? `epoch ${data.epoch}` : `step ${data.step}`}`
  return `${at} ${event.type} ${JSON.stringify(data)}`
}

function ruleCounts(rules: unknown): string {
  const standings = Array.isArray(rules) ? (rules as { rule: string; state: string }[]) : []
  const broken = standings.filter(({ state }) => state === 'broken').map(({ rule }) => rule)
  return broken.length ? `broken: ${broken.join(', ')}` : 'none broken'
}

export function describeJob(job: Job): string {
  const lines = [`${job.name} (${job.id}): ${job.state}`]
  if (job.progress && job.state === 'running')
    lines.push(`  ${job.progress.stage} ${job.progress.done}/${job.progress.of ?? '?'} ${job.progress.message}`)
  if (job.estimate?.seconds)
    lines.push(
      `  estimated ${job.estimate.seconds.low.toFixed(0)} to ${job.estimate.seconds.high.toFixed(0)} s (${job.estimate.basis})`,
    )
  if (job.cost)
    lines.push(
      `  took ${job.cost.wallSeconds.toFixed(1)} s, ${job.cost.cpuSeconds.toFixed(1)} CPU s, ${bytes(job.cost.peakMemoryBytes)} at most`,
    )
  if (job.failure) lines.push(`  ${job.failure.message}`)
  return lines.join('\n')
}
