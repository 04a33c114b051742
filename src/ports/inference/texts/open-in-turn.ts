import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { LoadedModel, OnnxModelFile, PreparedItem } from '../inference.ts'
import { openRemote, type Remote } from '../remote.ts'
import { type MortalSession, restarting } from '../session.ts'
import { inTurn, type RowAnswer, type RowWork } from './in-turn.ts'

export interface RowLimits {
  /** How long a row may take. */
  mostMs: number
  /** Nobody waits for it any longer. */
  isUnwanted(): boolean
}

export type RowCall<Files> =
  | { type: 'open'; model: Files }
  /** `unwanted` becomes other than 0 when nobody waits; another process cannot be told. */
  | { type: 'answer'; item: PreparedItem; mostMs: number; unwanted: Int32Array | null }

const threads = Math.max(1, Math.min(2, availableParallelism() - 1))
const mostMs = 120_000
/** Loading and one step of a large network are not interrupted. */
const graceMs = 30_000

/** Loads a model whose rows take many runs of its graphs each: never on the event loop. `script` calls `answerInTurn`. */
export async function openInTurn<Files>(
  script: URL,
  { model, files, paths }: { model: OnnxModelFile; files: Files; paths: readonly string[] },
): Promise<LoadedModel> {
  const place = model.trust === 'built' ? 'thread' : 'process'
  const count = place === 'thread' ? threads : 1
  const sessions = await Promise.all(
    Array.from({ length: count }, () => restarting(place, () => openAnswerer(script, files, place))),
  )
  const memoryBytes = paths.reduce((sum, path) => sum + statSync(path).size, 0) * count
  return { kind: 'onnx', place: place === 'thread' ? 'threads' : 'process', ...inTurn(sessions), memoryBytes }
}

async function openAnswerer<Files>(
  script: URL,
  files: Files,
  place: 'thread' | 'process',
): Promise<MortalSession<RowWork, RowAnswer>> {
  const remote: Remote<RowCall<Files>, RowAnswer | null> = openRemote(script, {
    place,
    what: `The model's ${place}`,
    mostMs: mostMs + graceMs,
  })
  try {
    await remote.ask({ type: 'open', model: files })
  } catch (error) {
    remote.stop()
    throw error
  }
  return {
    get dead() {
      return remote.dead
    },
    async run({ batch, row, unwanted }) {
      const call = { type: 'answer', item: batch.items![row]!, mostMs, unwanted: place === 'thread' ? unwanted : null } as const
      return (await remote.ask(call))!
    },
    close: async () => remote.stop(),
  }
}
