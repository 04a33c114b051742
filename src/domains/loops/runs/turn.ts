import type { Principal } from '../../../kernel/principal.ts'
import type { Db } from '../../../ports/metadata/metadata.ts'
import type { LoopPolicy, Outcome, Step } from '../schema.ts'
import type { RunRow } from '../tables.ts'

type Evidence = Record<string, unknown>

/** What a step says after it was given a turn. */
export type Turn =
  /** It waits for something: asked again after `inMs`, or sooner where something happened. */
  | { kind: 'stay'; inMs: number; sentence?: string; evidence?: Evidence; forPerson?: boolean }
  /** It is done, and the run goes on. */
  | {
      kind: 'go'
      to: Step
      sentence: string
      evidence?: Evidence
      skipped?: boolean
      challenger?: { version: string; name: string }
    }
  /** The run ends here; the champion is put back first where it is not in its place. */
  | { kind: 'end'; outcome: Outcome; sentence: string; evidence?: Evidence }

/** One turn of a step: it looks, perhaps begins something, and says how it goes on. It never waits long. */
export interface StepContext<Work = Record<string, any>> {
  run: RunRow
  policy: LoopPolicy
  /** The owner of the loop: what a run does is done in that name. */
  by: Principal
  /** What this step has begun in earlier turns. */
  work: Work
  startedAt: number
  /** Notes what was begun, in the transaction that begins it: both are there or neither is. Fails where another process has taken over. */
  note(tx: Db, work: Work): Promise<void>
  /** The same in a transaction of its own. */
  keep(work: Work): Promise<void>
}

export type StepWork = (context: StepContext) => Promise<Turn>
