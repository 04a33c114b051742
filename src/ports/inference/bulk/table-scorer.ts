import { availableParallelism } from 'node:os'
import { invalidInput, isPlatformError } from '../../../kernel/errors.ts'
import { minutes } from '../../../kernel/time.ts'
import { tableError } from '../../tables/table-error.ts'
import type { OnnxModelFile } from '../inference.ts'
import { openRemote, type Remote } from '../remote.ts'
import type { ModelSignature } from '../signature.ts'
import type { LaneCall, LaneOpened, PartAnswered, ScoringPlan, TablePart } from './protocol.ts'

const MiB = 1024 ** 2
const script = new URL('./lane-process.ts', import.meta.url)

export interface TableScoring {
  model: OnnxModelFile
  signature: ModelSignature
  plan: ScoringPlan
  /** Where parts are written, and files are read. */
  folders: readonly string[]
  files: readonly string[]
  /** Processes that work side by side; as many as there are processors unless told. */
  lanes?: number
}

/** A graph that answers whole tables, a part at a time, in processes of its own that may die without harm. */
export interface TableScorer {
  readonly lanes: number
  readonly runs: LaneOpened['runs']
  score(part: TablePart): Promise<PartAnswered>
  close(): Promise<void>
}

/** Whether a graph can be asked column by column: it reads cells alone, and is no loop that writes. */
export const isScoredByColumn = ({ inputs, decoding, turns }: ModelSignature): boolean =>
  !decoding && !turns && inputs.every(({ tensor }) => tensor === 'numbers' || tensor === 'strings')

/** Opens the lanes of a table. `score` is to be called for as many parts at once as there are lanes. */
export async function openTableScorer({ lanes, ...opening }: TableScoring): Promise<TableScorer> {
  if (!isScoredByColumn(opening.signature)) throw invalidInput('This model is not asked by columns.')
  const count = Math.max(1, lanes ?? Math.min(8, availableParallelism()))
  const remotes = new Set<Lane>()
  let deaths = 0
  let closed = false

  async function startLane(): Promise<{ remote: Lane; runs: LaneOpened['runs'] }> {
    const remote: Lane = openRemote(script, {
      place: 'process',
      what: 'The process that scores the table',
      mostMs: minutes(30),
    })
    remotes.add(remote)
    const { runs } = (await remote.ask({ ask: 'open', opening: { ...opening, memoryBytes: 768 * MiB } })) as LaneOpened
    return { remote, runs }
  }

  async function close(): Promise<void> {
    closed = true
    for (const remote of remotes) remote.stop()
  }

  /** A part by a lane; one that dies at it is started again, until too many have. */
  async function score(part: TablePart): Promise<PartAnswered> {
    for (;;) {
      const remote = idle.pop() ?? (await startLane()).remote
      try {
        return (await remote.ask({ ask: 'score', part })) as PartAnswered
      } catch (error) {
        // What the table engine says of itself (a full disk, too little memory) is told as everywhere.
        if (!isPlatformError(error)) throw tableError((error as Error).message, null)
        if (!remote.dead || closed || ++deaths > mostDeaths) throw error
      } finally {
        if (remote.dead) remotes.delete(remote)
        else idle.push(remote)
      }
    }
  }

  const idle: Lane[] = []
  try {
    const started = await Promise.all(Array.from({ length: count }, startLane))
    idle.push(...started.map(({ remote }) => remote))
    return { lanes: count, runs: started[0]!.runs, score, close }
  } catch (error) {
    await close()
    throw error
  }
}

type Lane = Remote<LaneCall, LaneOpened | PartAnswered>

/** What kills its process again and again is not tried for ever. */
const mostDeaths = 3
