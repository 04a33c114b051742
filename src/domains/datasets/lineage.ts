import { notFound } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Lineage } from './schema.ts'

/** What a domain knows around these ids: nodes for those of them that it has and the principal may see, and the edges at them. */
export type LineageContributor = (by: Principal, ids: readonly string[]) => Promise<Lineage>

const most = { rounds: 8, nodes: 300 }

export type LineageGraph = ReturnType<typeof lineageGraph>

/** The graph from data to endpoint, walked outwards from one node; each domain adds what it knows. */
export function lineageGraph() {
  const contributors: LineageContributor[] = []

  async function around(by: Principal, id: string): Promise<Lineage> {
    const nodes = new Map<string, Lineage['nodes'][number]>()
    const edges = new Map<string, Lineage['edges'][number]>()
    const asked = new Set<string>()
    let next = [id]
    for (let round = 0; round < most.rounds && next.length > 0 && nodes.size < most.nodes; round++) {
      for (const one of next) asked.add(one)
      const found = await Promise.all(contributors.map((contribute) => contribute(by, next)))
      for (const part of found) {
        for (const node of part.nodes) nodes.set(node.id, node)
        for (const edge of part.edges) edges.set(`${edge.from} ${edge.to} ${edge.label}`, edge)
      }
      next = [...new Set([...edges.values()].flatMap(({ from, to }) => [from, to]))].filter((one) => !asked.has(one))
    }
    if (!nodes.has(id) && nodes.size === 0) throw notFound('lineage of', id)
    return { nodes: [...nodes.values()], edges: [...edges.values()].filter(({ from, to }) => nodes.has(from) && nodes.has(to)) }
  }

  return { contribute: (contributor: LineageContributor) => void contributors.push(contributor), around }
}
