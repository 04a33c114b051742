import type { TurnsPlan } from './plan.ts'

/** Values of the windows one after another, and how many there are of each. */
export interface Vectors {
  values: Float32Array
  width: number
}

interface Merge {
  first: number
  second: number
  height: number
}

/** The number of the group of each window, from 0 in the order in which they are first heard: as atoll_engines/audio/diarisation/grouping.py. */
export function groupsOf({ values, width }: Vectors, plan: TurnsPlan): number[] {
  const count = values.length / width
  const rows = Array.from({ length: count }, (_, r) => Float64Array.from(values.subarray(r * width, (r + 1) * width)))
  if (count <= plan.mostWindows) return cut(mergesOf(rows), count, plan)
  const chosen = Array.from({ length: plan.mostWindows }, (_, i) => Math.floor((i * count) / plan.mostWindows))
  const heard = chosen.map((row) => rows[row]!)
  const found = cut(mergesOf(heard), heard.length, plan)
  const means = directionsOf(heard, found)
  const groups = rows.map((row) => firstLargest(means.map((mean) => dot(row, mean))))
  chosen.forEach((row, i) => {
    groups[row] = found[i]!
  })
  return inOrder(groups)
}

/** All merges of average linkage by chains of nearest neighbours (Murtagh 1983; Müllner 2011), the nearest first. */
export function mergesOf(rows: readonly Float64Array[]): Merge[] {
  const count = rows.length
  const apart = distances(rows)
  const sizes = new Float64Array(count).fill(1)
  const alive = new Uint8Array(count).fill(1)
  const chain: number[] = []
  const merges: Merge[] = []
  while (merges.length < count - 1) {
    if (chain.length === 0) chain.push(alive.indexOf(1))
    for (;;) {
      const top = chain.at(-1)!
      const before = chain.at(-2)
      const nearest = nearestOf(apart, top, count)
      if (before !== undefined && apart[top * count + before]! <= apart[top * count + nearest]!) break
      chain.push(nearest)
    }
    const [first, second] = [chain.pop()!, chain.pop()!].sort((a, b) => a - b) as [number, number]
    merges.push({ first, second, height: apart[first * count + second]! })
    join(apart, sizes, { first, second, count })
    alive[second] = 0
  }
  return merges.sort((a, b) => a.height - b.height)
}

function distances(rows: readonly Float64Array[]): Float64Array {
  const count = rows.length
  const apart = new Float64Array(count * count).fill(Number.POSITIVE_INFINITY)
  for (let a = 0; a < count; a++)
    for (let b = a + 1; b < count; b++) apart[a * count + b] = apart[b * count + a] = 1 - dot(rows[a]!, rows[b]!)
  return apart
}

function nearestOf(apart: Float64Array, row: number, count: number): number {
  let best = 0
  for (let k = 1; k < count; k++) if (apart[row * count + k]! < apart[row * count + best]!) best = k
  return best
}

/** The mean distance of the two to every other; the second is gone. */
function join(
  apart: Float64Array,
  sizes: Float64Array,
  { first, second, count }: Omit<Merge, 'height'> & { count: number },
): void {
  const [one, other] = [sizes[first]!, sizes[second]!]
  for (let k = 0; k < count; k++) {
    const mean = (apart[first * count + k]! * one + apart[second * count + k]! * other) / (one + other)
    apart[first * count + k] = apart[k * count + first] = k === first || k === second ? Number.POSITIVE_INFINITY : mean
    apart[second * count + k] = apart[k * count + second] = Number.POSITIVE_INFINITY
  }
  sizes[first] = one + other
}

/** Groups after the merges within the threshold, or until as many are left as there are speakers. */
function cut(merges: readonly Merge[], count: number, { threshold, speakers }: TurnsPlan): number[] {
  const taken = speakers === null ? merges.filter(({ height }) => height <= threshold).length : Math.max(0, count - speakers)
  const root = Array.from({ length: count }, (_, i) => i)
  const find = (one: number): number => {
    let at = one
    while (root[at] !== at) at = root[at] = root[root[at]!]!
    return at
  }
  for (const { first, second } of merges.slice(0, taken)) {
    const [a, b] = [find(first), find(second)]
    root[Math.max(a, b)] = Math.min(a, b)
  }
  return inOrder(root.map((_, i) => find(i)))
}

function inOrder(groups: readonly number[]): number[] {
  const known = new Map<number, number>()
  return groups.map((group) => {
    if (!known.has(group)) known.set(group, known.size)
    return known.get(group)!
  })
}

function directionsOf(rows: readonly Float64Array[], groups: readonly number[]): Float64Array[] {
  const width = rows[0]!.length
  return Array.from({ length: Math.max(...groups) + 1 }, (_, group) => {
    const mean = new Float64Array(width)
    const own = rows.filter((_, r) => groups[r] === group)
    for (const row of own) for (let k = 0; k < width; k++) mean[k]! += row[k]! / own.length
    const length = Math.max(Math.sqrt(dot(mean, mean)), 1e-12)
    return mean.map((value) => value / length)
  })
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}

function firstLargest(values: readonly number[]): number {
  let best = 0
  for (let k = 1; k < values.length; k++) if (values[k]! > values[best]!) best = k
  return best
}
