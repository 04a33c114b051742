import { type Part, speechParts } from './activity.ts'
import { groupsOf } from './grouping.ts'
import type { Turn, TurnsPlan } from './plan.ts'

interface Window {
  /** The part of speech that it is of. */
  part: number
  begin: number
  end: number
}

/** Voices of windows, one after another: [windows, width]. `cut` holds the windows' samples one after another, filled with zeros. */
export type Embed = (cut: Float32Array, windows: number) => Promise<Float32Array>

/** A recording to turns: speech, windows, voices, groups; the same arithmetic as in training (atoll_engines/audio/diarisation/turns.py). */
export async function turnsOf(samples: Float32Array, plan: TurnsPlan, embed: Embed): Promise<Turn[]> {
  const parts = speechParts(samples, plan)
  const windows = parts.flatMap((part, number) => windowsOf(part, number, plan))
  if (windows.length === 0) return []
  const cut = new Float32Array(windows.length * plan.window)
  windows.forEach(({ begin, end }, i) => {
    cut.set(samples.subarray(begin, end), i * plan.window)
  })
  const groups = groupsOf({ values: await embed(cut, windows.length), width: plan.width }, plan)
  return inSeconds(windows, parts, groups, plan)
}

/** Windows over a part of speech; the last one ends with it. A part that is shorter than a window is one. */
function windowsOf([begin, end]: Part, part: number, { window, step }: TurnsPlan): Window[] {
  if (end - begin <= window) return [{ part, begin, end }]
  const last = end - window
  const windows: Window[] = []
  for (let start = begin; start < last; start += step) windows.push({ part, begin: start, end: start + window })
  return [...windows, { part, begin: last, end }]
}

/** Between two windows the change lies midway between their middles. */
function inSeconds(windows: readonly Window[], parts: readonly Part[], groups: readonly number[], plan: TurnsPlan): Turn[] {
  const seconds = (sample: number) => Math.floor((sample / plan.rate) * 100 + 0.5) / 100
  const turns: Turn[] = []
  let begin = parts[windows[0]!.part]![0]
  windows.forEach((window, i) => {
    const next = windows[i + 1]
    const isLast = next === undefined || next.part !== window.part
    if (!isLast && groups[i + 1] === groups[i]) return
    const end = isLast ? parts[window.part]![1] : Math.floor((middle(window) + middle(next)) / 2)
    turns.push({ start: seconds(begin), end: seconds(end), speaker: `S${groups[i]! + 1}` })
    if (next) begin = isLast ? parts[next.part]![0] : end
  })
  return turns
}

const middle = ({ begin, end }: Window): number => Math.floor((begin + end) / 2)
