import type { TurnsPlan } from './plan.ts'

/** A part of a recording, from sample to sample. */
export type Part = readonly [begin: number, end: number]

/** Where there is speech: the same arithmetic as in training (atoll_engines/audio/diarisation/activity.py). */
export function speechParts(samples: Float32Array, plan: TurnsPlan): Part[] {
  const power = framePower(samples, plan)
  if (power.length === 0) return []
  const level = speechLevel(power, plan)
  return partsOf(
    Array.from(power, (value) => value >= level),
    plan,
    samples.length,
  )
}

/** The mean square of each frame, from one running sum. */
function framePower(samples: Float32Array, { frame, hop }: TurnsPlan): Float64Array {
  const total = new Float64Array(samples.length + 1)
  for (let i = 0; i < samples.length; i++) total[i + 1] = total[i]! + samples[i]! * samples[i]!
  const power = new Float64Array(Math.max(0, Math.floor((samples.length - frame) / hop) + 1))
  for (let i = 0; i < power.length; i++) power[i] = (total[i * hop + frame]! - total[i * hop]!) / frame
  return power
}

function speechLevel(power: Float64Array, { belowLoud, aboveQuiet, mostQuiet, least }: TurnsPlan): number {
  const ordered = power.slice().sort()
  const loud = ordered[Math.floor(0.95 * (ordered.length - 1))]!
  const quiet = ordered[Math.floor(0.1 * (ordered.length - 1))]!
  return Math.max(loud * belowLoud, Math.min(quiet * aboveQuiet, loud * mostQuiet), least)
}

/** Runs of frames without their short pauses and without what is too short, in samples. */
function partsOf(isSpeech: readonly boolean[], plan: TurnsPlan, length: number): Part[] {
  const { hop, frame, margin, shortestPause, shortestSpeech } = plan
  const parts: [number, number][] = []
  for (const [begin, end] of joined(runsOf(isSpeech), shortestPause)) {
    if (end - begin < shortestSpeech) continue
    const first = Math.max(0, (begin - margin) * hop)
    const last = Math.min(length, (end - 1 + margin) * hop + frame)
    parts.push([Math.max(first, parts.at(-1)?.[1] ?? 0), last])
  }
  return parts
}

function runsOf(marks: readonly boolean[]): [number, number][] {
  const runs: [number, number][] = []
  marks.forEach((mark, i) => {
    if (!mark) return
    if (marks[i - 1]) runs.at(-1)![1] = i + 1
    else runs.push([i, i + 1])
  })
  return runs
}

function joined(runs: readonly [number, number][], shortestPause: number): [number, number][] {
  const found: [number, number][] = []
  for (const [begin, end] of runs) {
    const before = found.at(-1)
    if (before && begin - before[1] < shortestPause) before[1] = end
    else found.push([begin, end])
  }
  return found
}
