import { readFileSync } from 'node:fs'
import { PlatformError } from '../../../kernel/errors.ts'
import type { PreparedItem } from '../inference.ts'
import { openOnnxSession } from '../onnx-session.ts'
import type { SignatureColumn } from '../signature.ts'
import type { RowLimits } from '../texts/open-in-turn.ts'
import { turnsOf } from './divide.ts'
import type { TurnsAnswer, TurnsPlan } from './plan.ts'

export interface TurnsModelFiles {
  /** The graph of voices. */
  file: string
  plan: TurnsPlan
}

const windowsPerRun = 32

/** Opens the graph of voices on the calling thread. */
export async function openTurnsSession({
  file,
  plan,
}: TurnsModelFiles): Promise<(item: PreparedItem, limits: RowLimits) => Promise<TurnsAnswer>> {
  const voice: SignatureColumn = {
    name: 'audio',
    type: 'audio',
    tensor: 'audio',
    index: 0,
    nullable: false,
    sampleRate: plan.rate,
    samples: plan.window,
  }
  const outputs = [{ name: 'vector', width: plan.width }]
  const session = await openOnnxSession(readFileSync(file), {
    numberColumns: 0,
    stringColumns: 0,
    width: plan.width,
    outputs,
    media: [voice],
  })
  return async ({ audio }, { mostMs, isUnwanted }) => {
    const until = performance.now() + mostMs
    async function embed(cut: Float32Array, windows: number): Promise<Float32Array> {
      const voices = new Float32Array(windows * plan.width)
      for (let first = 0; first < windows; first += windowsPerRun) {
        if (isUnwanted()) throw new PlatformError('unavailable', 'Nobody waits for the answer any longer.')
        if (performance.now() > until)
          throw new PlatformError('timeout', `The recording was not divided within ${mostMs / 1000} s. Send a shorter one.`)
        const rows = Math.min(windowsPerRun, windows - first)
        const items = Array.from({ length: rows }, (_, r) => ({
          audio: cut.subarray((first + r) * plan.window, (first + r + 1) * plan.window),
        }))
        voices.set(await session.run({ rows, numbers: new Float64Array(0), strings: [], items }), first * plan.width)
      }
      return voices
    }
    return { turns: await turnsOf(audio!, plan, embed) }
  }
}
