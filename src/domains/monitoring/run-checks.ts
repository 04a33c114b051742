import { isPlatformError } from '../../kernel/errors.ts'
import { checkOf } from './checks/all-checks.ts'
import type { Finding, Judged, Looked } from './checks/check.ts'
import { whyUnfit } from './checks/fits.ts'
import type { CheckInput } from './checks/settings.ts'
import type { Drift } from './compare-columns.ts'
import type { Control } from './repeated-runs.ts'
import type { CheckReport } from './schema.ts'
import { holmAdjusted } from './statistics/holm.ts'

export interface Checked {
  checks: CheckReport[]
  /** What to do about each check that alarms, in the order of the checks. */
  recommendations: string[]
  columns: Drift[]
  /** Questions that were asked. */
  tests: number
  /** How surely they were to be answered; null where none was asked. */
  control: Control | null
  /** Whether a test alarmed, not only what is measured whole. */
  isDiscovery: boolean
}

const nothing = { figures: [], plots: [], columns: [], notes: [] }

/** Asks every check what it found, corrects all p-values together, then lets each judge at the level that this run has. */
export async function runChecks(
  looked: Looked,
  wanted: readonly CheckInput[],
  { levelOfRun, progress }: { levelOfRun(): Promise<Control>; progress(done: number, what: string): void },
): Promise<Checked> {
  const found = await lookAll(looked, wanted, progress)
  return judgeAll(found, hasAsked(found) ? await levelOfRun() : null)
}

/** What a check found, or why it could not look. */
export interface Found {
  kind: CheckInput['kind']
  finding: Finding | string
}

const hasAsked = (found: readonly Found[]) =>
  found.some(({ finding }) => typeof finding !== 'string' && finding.pValues.length > 0)

export async function lookAll(
  looked: Looked,
  wanted: readonly CheckInput[],
  progress: (done: number, what: string) => void,
): Promise<Found[]> {
  const found: Found[] = []
  for (const [i, { kind, settings }] of wanted.entries()) {
    const check = checkOf(kind)
    progress(i, check.title)
    found.push({ kind, finding: await findingOf(check, settings) })
  }
  return found

  async function findingOf(check: ReturnType<typeof checkOf>, settings: CheckInput['settings']) {
    const unfit = whyUnfit(check.kind, { signature: looked.version.signature, served: looked.version.manifest.kind })
    if (unfit) return unfit
    if (check.needsRows && looked.rows < looked.monitor.minimum_rows) return tooFewRows(looked)
    try {
      return await check.look(looked, settings)
    } catch (error) {
      // One check that cannot look leaves the others their say.
      if (!isPlatformError(error) || error.code === 'internal') throw error
      return error.message
    }
  }
}

/** Corrects all p-values together, then lets each check judge at the level of the run. */
export function judgeAll(found: readonly Found[], control: Control | null): Checked {
  const adjusted = holmAdjusted(found.flatMap(({ finding }) => (typeof finding === 'string' ? [] : finding.pValues)))
  let isDiscovery = false
  let at = 0
  const judged = found.map(({ kind, finding }): { report: CheckReport; said?: Judged } => {
    if (typeof finding === 'string') return { report: { kind, state: 'not_judged', sentence: finding, evidence: nothing } }
    const own = adjusted.slice(at, at + finding.pValues.length)
    const level = control?.level ?? 0
    const said = finding.judge(own, level)
    at += finding.pValues.length
    isDiscovery ||= said.state !== 'quiet' && own.some((pValue) => pValue < level)
    return { said, report: { kind, state: said.state, sentence: said.sentence, evidence: said.evidence } }
  })
  return {
    checks: judged.map(({ report }) => report),
    recommendations: judged
      .flatMap(({ said }) => (said && said.state !== 'quiet' ? [said.recommendation ?? ''] : []))
      .filter(Boolean),
    columns: judged.flatMap(({ said }) => said?.drift ?? []),
    tests: adjusted.length,
    control,
    isDiscovery,
  }
}

export const tooFewRows = ({ rows, source, monitor }: Pick<Looked, 'rows' | 'source' | 'monitor'>): string =>
  `There ${rows === 1 ? 'is only 1 row' : `are only ${rows} rows`} of ${source}; ${monitor.minimum_rows} are needed to say anything.`
