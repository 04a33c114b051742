import type { Lineage } from '@atoll/sdk'

export interface Placed {
  id: string
  noun: string
  name: string
  detail: string
  x: number
  y: number
}

export const nodeWidth = 180
export const nodeHeight = 52
const gapX = 36
const gapY = 18

/** Columns by longest path from the sources, rows by the mean row of what comes before (one pass of Sugiyama's barycentre). */
export function layOut({ nodes, edges }: Lineage): { placed: Placed[]; width: number; height: number } {
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
  const tallest = Math.max(1, ...layers.map((layer) => layer?.length ?? 0))
  const height = tallest * (nodeHeight + gapY) + gapY
  const placed = nodes.map((node) => {
    const at = column.get(node.id) ?? 0
    const inLayer = layers[at]?.length ?? 1
    const offset = (height - inLayer * (nodeHeight + gapY) + gapY) / 2
    return { ...node, x: at * (nodeWidth + gapX) + 4, y: offset + (row.get(node.id) ?? 0) * (nodeHeight + gapY) }
  })
  return { placed, width: layers.length * (nodeWidth + gapX) - gapX + 8, height }
}
