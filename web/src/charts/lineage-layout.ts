import type { Lineage } from '@atoll/sdk'

export interface Placed {
  id: string
  noun: string
  name: string
  detail: string
  x: number
  y: number
}

const widthAcross = 180
/** From top to bottom things may be as wide as there is room, within these. */
const widthDown = { least: 148, most: 250 }
export const nodeHeight = 52
const gapX = 36
const gapY = 18
const gapDown = 34

export interface LaidOut {
  placed: Placed[]
  width: number
  height: number
  nodeWidth: number
  /** Whether it runs from top to bottom, because it would be too wide from left to right. */
  down: boolean
}

/** The line between two things, from the end of one to the start of the other. */
export function edgePath(from: Placed, to: Placed, { down, nodeWidth }: LaidOut): string {
  if (down) {
    const [x1, y1, x2, y2] = [from.x + nodeWidth / 2, from.y + nodeHeight, to.x + nodeWidth / 2, to.y]
    const bend = Math.max(14, (y2 - y1) / 2)
    return `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
  }
  const [x1, y1, x2, y2] = [from.x + nodeWidth, from.y + nodeHeight / 2, to.x, to.y + nodeHeight / 2]
  const bend = Math.max(24, (x2 - x1) / 2)
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
}

/** Layers by longest path from the sources, places by the mean place of what comes before (one pass of Sugiyama's barycentre). */
export function layOut({ nodes, edges }: Lineage, room: number): LaidOut {
  const column = new Map(nodes.map((node) => [node.id, 0]))
  // As many rounds as nodes are enough for any path, and end even where the graph has a loop.
  for (let round = 0; round < nodes.length; round++) {
    let moved = false
    for (const { from, to } of edges) {
      const least = (column.get(from) ?? 0) + 1
      if (column.has(to) && column.has(from) && (column.get(to) ?? 0) < least && least < nodes.length) {
        column.set(to, least)
        moved = true
      }
    }
    if (!moved) break
  }
  const layers: string[][] = []
  for (const node of nodes) {
    const at = column.get(node.id) ?? 0
    layers[at] ??= []
    layers[at].push(node.id)
  }
  const row = new Map<string, number>()
  for (const layer of layers) {
    const weight = (id: string) => {
      const before = edges
        .filter((edge) => edge.to === id)
        .map((edge) => row.get(edge.from))
        .filter((at) => at !== undefined)
      return before.length ? before.reduce((sum, at) => sum + at, 0) / before.length : Number.POSITIVE_INFINITY
    }
    const sorted = (layer ?? [])
      .map((id, at) => ({ id, at, weight: weight(id) }))
      .sort((a, b) => a.weight - b.weight || a.at - b.at)
    sorted.forEach(({ id }, at) => {
      row.set(id, at)
    })
  }
  const widest = Math.max(1, ...layers.map((layer) => layer?.length ?? 0))
  const across = layers.length * (widthAcross + gapX) - gapX + 8
  const down = across > room
  const gap = down && room < 500 ? 12 : gapX
  const nodeWidth = down
    ? Math.min(widthDown.most, Math.max(widthDown.least, Math.floor((room - 8 + gap) / widest - gap)))
    : widthAcross
  const acrossDown = widest * (nodeWidth + gap) - gap + 8
  const height = down ? layers.length * (nodeHeight + gapDown) - gapDown + 8 : widest * (nodeHeight + gapY) + gapY
  const placed = nodes.map((node) => {
    const at = column.get(node.id) ?? 0
    const inLayer = layers[at]?.length ?? 1
    const place = row.get(node.id) ?? 0
    if (down) {
      const offset = (acrossDown - inLayer * (nodeWidth + gap) + gap) / 2
      return { ...node, x: offset + place * (nodeWidth + gap), y: at * (nodeHeight + gapDown) + 4 }
    }
    const offset = (height - inLayer * (nodeHeight + gapY) + gapY) / 2
    return { ...node, x: at * (nodeWidth + gapX) + 4, y: offset + place * (nodeHeight + gapY) }
  })
  return { placed, width: down ? acrossDown : across, height, nodeWidth, down }
}
