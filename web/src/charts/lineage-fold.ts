import type { Lineage } from '@atoll/sdk'

const shownAtMost = 8

/** Of many things of one kind, those beside the page's own thing and a few more are shown, the rest as one box: "and 22 more". */
export function foldMany(lineage: Lineage, here: string): Lineage {
  const beside = new Set(lineage.edges.flatMap(({ from, to }) => (from === here ? [to] : to === here ? [from] : [])))
  const rank = (id: string) => (id === here ? 0 : beside.has(id) ? 1 : 2)
  const instead = new Map<string, string>()
  const nodes: Lineage['nodes'] = []
  for (const [noun, all] of Map.groupBy(lineage.nodes, (node) => node.noun)) {
    if (all.length <= shownAtMost) {
      nodes.push(...all)
      continue
    }
    const sorted = all.toSorted((a, b) => rank(a.id) - rank(b.id))
    const rest = sorted.slice(shownAtMost - 1)
    nodes.push(...sorted.slice(0, shownAtMost - 1), {
      ...rest[0]!,
      id: `more-${noun}`,
      name: `and ${rest.length} more`,
      detail: '',
    })
    for (const { id } of rest) instead.set(id, `more-${noun}`)
  }
  const edges = new Map<string, Lineage['edges'][number]>()
  for (const edge of lineage.edges) {
    const from = instead.get(edge.from) ?? edge.from
    const to = instead.get(edge.to) ?? edge.to
    if (from !== to) edges.set(`${from} ${to}`, { ...edge, from, to })
  }
  return { ...lineage, nodes, edges: [...edges.values()] }
}
