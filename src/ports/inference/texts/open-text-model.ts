import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import type { LoadedModel, OnnxModelFile, PreparedItem } from '../inference.ts'
import { openRemote, type Remote } from '../remote.ts'
import { type MortalSession, restarting, type Session } from '../session.ts'
import type { RowAnswer } from './decoding.ts'
import { inTurn, type TextWork } from './in-turn.ts'
import type { TextModelFiles } from './text-session.ts'

export type TextCall =
  | { type: 'open'; model: TextModelFiles }
  /** `unwanted` becomes other than 0 when nobody waits; another process cannot be told. */
  | { type: 'write'; item: PreparedItem; mostMs: number; unwanted: Int32Array | null }

const script = new URL('./text-remote.ts', import.meta.url)
const threads = Math.max(1, Math.min(2, availableParallelism() - 1))
/** How long one row may take. */
const mostMs = 120_000
/** Loading and one step of a large network are not interrupted. */
const graceMs = 30_000

/** Loads an encoder and a decoder: never on the event loop, for a text is written in many runs. */
export async function openTextModel(model: OnnxModelFile): Promise<LoadedModel> {
  const place = model.trust === 'built' ? 'thread' : 'process'
  const folder = dirname(model.file)
  const files: TextModelFiles = {
    folder,
    decoding: model.decoding!,
    sampleRate: model.media?.find(({ tensor }) => tensor === 'audio')?.sampleRate ?? 16_000,
  }
  const count = place === 'thread' ? threads : 1
  const sessions = await Promise.all(Array.from({ length: count }, () => restarting(place, () => openWriter(files, place))))
  const { predict, close } = inTurn(sessions)
  const bytes = ['model.onnx', 'decoder.onnx'].reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  return { kind: 'onnx', place: place === 'thread' ? 'threads' : 'process', predict, close, memoryBytes: bytes * count }
}

async function openWriter(model: TextModelFiles, place: 'thread' | 'process'): Promise<MortalSession<TextWork, RowAnswer>> {
  const remote: Remote<TextCall, RowAnswer | null> = openRemote(script, {
    place,
    what: `The model's ${place}`,
    mostMs: mostMs + graceMs,
  })
  try {
    await remote.ask({ type: 'open', model })
  } catch (error) {
    remote.stop()
    throw error
  }
  return {
    get dead() {
      return remote.dead
    },
    async run({ batch, row, unwanted }) {
      const call = { type: 'write', item: batch.items![row]!, mostMs, unwanted: place === 'thread' ? unwanted : null } as const
      return (await remote.ask(call))!
    },
    close: async () => remote.stop(),
  }
}

export type TextRunner = Session<TextWork, RowAnswer>
