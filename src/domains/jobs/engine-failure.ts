import { type Facts, isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { ProcessOutcome, ResourceLimits } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'

const badInput = 2
const noRoom = 3

/** Why an engine did not end well, as an error for people. */
export async function engineFailure(
  files: Files,
  stage: string,
  ended: { outcome: ProcessOutcome; engine: string; limits: ResourceLimits; lastLines: string[]; facts: Facts },
): Promise<PlatformError> {
  const { outcome, engine, limits, lastLines, facts } = ended
  if (outcome.limit) return limitExceeded(outcome, limits)
  if (outcome.signal && !outcome.stopped)
    return new EngineDied(
      `The process of ${engine} was killed (${outcome.signal}) by something other than Atoll, perhaps because memory ran out.`,
      {
        engine,
        signal: outcome.signal,
        lastLines,
      },
    )
  const text = await files.readText(stage, 'output/failure', 256 * 1024).catch(() => '')
  const [sentence, ...details] = text.split('\n')
  if (outcome.exitCode === badInput)
    return new PlatformError('invalid_input', sentence || lastLines.at(-1) || 'The job was given input it cannot use.', facts)
  if (outcome.exitCode === noRoom)
    return new PlatformError('storage_full', sentence || 'The disk is full. Free some space and try again.', facts)
  return new PlatformError('internal', sentence || `${engine} ended with exit code ${outcome.exitCode} and gave no reason.`, {
    ...facts,
    engine,
    exitCode: outcome.exitCode,
    lastLines: details.filter(Boolean).length > 0 ? details.filter(Boolean).slice(-20) : lastLines,
  })
}

/** The process ended without a word. Another attempt may do better, so this alone does not fail the job. */
export class EngineDied extends PlatformError {
  constructor(message: string, facts: Facts) {
    super('internal', message, facts)
    this.name = 'EngineDied'
  }
}

/** Also when a handler wrapped it. */
export function isDeath(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof EngineDied) return true
  return false
}

function limitExceeded({ limit, usage }: ProcessOutcome, limits: ResourceLimits): PlatformError {
  const facts = { limit, ...usage }
  if (limit === 'memory')
    return new PlatformError(
      'too_large',
      `The job needed more than its ${sizeWords(limits.memoryBytes)} of memory and was stopped (memory limit). Give it more memory, or use fewer rows or columns.`,
      facts,
    )
  if (limit === 'wall')
    return new PlatformError(
      'timeout',
      `The job took longer than its ${Math.round(limits.wallSeconds)} seconds and was stopped.`,
      facts,
    )
  if (limit === 'processes')
    return new PlatformError(
      'too_large',
      `The job started more than its ${limits.maxProcesses} processes and was stopped.`,
      facts,
    )
  if (limit === 'disk')
    return new PlatformError(
      'too_large',
      `The job wrote more than its ${sizeWords(limits.maxDiskBytes)} of files and was stopped (disk limit).`,
      facts,
    )
  return new PlatformError(
    'storage_full',
    'The job nearly filled the disk and was stopped. Free some space and try again.',
    facts,
  )
}

const sizeWords = (bytes: number) =>
  bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MB` : `${(bytes / 2 ** 30).toFixed(1)} GB`

/** A failure as it is kept with the job. What is not ours to explain is named by its message, without a stack. */
export function toFailure(error: unknown): { code: string; message: string; facts: Facts } {
  if (isPlatformError(error)) return { code: error.code, message: error.message, facts: error.facts }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'internal', message: `The job failed unexpectedly: ${message}`.slice(0, 2000), facts: {} }
}
