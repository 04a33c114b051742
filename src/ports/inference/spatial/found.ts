import { type Placement, toImage } from './placement.ts'

/** One thing in an image: its box is x, y, width, height in pixels of the upright image. */
export interface FoundObject {
  label: string
  score: number
  box: [number, number, number, number]
}

/** class, score, x1, y1, x2, y2 in pixels of the square. */
const valuesOfObject = 6

interface Candidate {
  kind: number
  score: number
  edges: [number, number, number, number]
}

/** What the graph says of an image as objects, best first: of boxes of one class that overlap by more than `nms`, the best. */
export function foundObjects(
  values: Float32Array,
  at: number,
  about: { width: number; place: Placement; classes: readonly string[]; nms: number; least: number },
): FoundObject[] {
  const candidates: Candidate[] = []
  for (let i = at; i < at + about.width; i += valuesOfObject) {
    const score = values[i + 1]!
    if (!(score >= about.least)) continue
    const edges = toImage(values.subarray(i + 2, i + valuesOfObject) as unknown as number[], about.place)
    if (edges[2] > edges[0] && edges[3] > edges[1]) candidates.push({ kind: values[i]!, score, edges })
  }
  candidates.sort((a, b) => b.score - a.score)
  const kept: Candidate[] = []
  for (const one of candidates)
    if (kept.every((other) => other.kind !== one.kind || overlapOf(other.edges, one.edges) <= about.nms)) kept.push(one)
  return kept.map(({ kind, score, edges: [x1, y1, x2, y2] }) => ({
    label: about.classes[kind] ?? String(kind),
    score,
    box: [x1, y1, x2 - x1, y2 - y1],
  }))
}

/** Intersection over union of two boxes given by their edges. */
export function overlapOf(a: readonly number[], b: readonly number[]): number {
  const across = Math.max(0, Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!))
  const down = Math.max(0, Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!))
  const both = across * down
  const union = (a[2]! - a[0]!) * (a[3]! - a[1]!) + (b[2]! - b[0]!) * (b[3]! - b[1]!) - both
  return union > 0 ? both / union : 0
}
