import type { Lineage } from '@atoll/sdk'
import { useRouter } from '@tanstack/react-router'
import { useLayoutEffect, useMemo, useRef, useState } from 'react'
import { pathOf } from '../app/places.ts'
import { useProjectRef } from '../app/project.ts'
import { count } from '../ui/format.ts'
import { ChartFrame } from './ChartFrame.tsx'
import { foldMany } from './lineage-fold.ts'
import { edgePath, layOut, nodeHeight } from './lineage-layout.ts'

const colours: Record<string, string> = {
  dataset: 'var(--color-s1)',
  split: 'var(--color-s6)',
  goal: 'var(--color-s5)',
  recipe: 'var(--color-s5)',
  run: 'var(--color-s3)',
  job: 'var(--color-s6)',
  model: 'var(--color-s2)',
  endpoint: 'var(--color-s4)',
  monitor: 'var(--color-s4)',
}
const familyOf = (noun: string) => Object.keys(colours).find((name) => noun.startsWith(name)) ?? noun

/** The graph from data to endpoint; each box opens its page. */
export function LineageGraph({ lineage: whole, here }: { lineage: Lineage; here: string }) {
  const lineage = useMemo(() => foldMany(whole, here), [whole, here])
  const project = useProjectRef()
  const router = useRouter()
  const [measured, room] = useRoom()
  const layout = layOut(lineage, room)
  const { placed, width, height, nodeWidth } = layout
  const byId = new Map(whole.nodes.map((node) => [node.id, node.name]))
  const place = new Map(placed.map((node) => [node.id, node]))
  const name = (id: string) => place.get(id)?.name ?? id
  const summary = `${count(whole.nodes.length, 'thing')}: ${lineage.edges
    .slice(0, 12)
    .map((edge) => `${name(edge.from)} ${edge.label || 'to'} ${name(edge.to)}`)
    .join('; ')}${lineage.edges.length > 12 ? '; and more' : ''}.`
  return (
    <div ref={measured}>
      <ChartFrame
        title="Lineage"
        summary={summary}
        name="lineage"
        height={height}
        data={() => ({
          header: ['from', 'relation', 'to'],
          rows: whole.edges.map((edge) => [byId.get(edge.from) ?? edge.from, edge.label, byId.get(edge.to) ?? edge.to]),
        })}
      >
        {() => (
          <div
            ref={(element) => showHere(element, place.get(here), nodeWidth)}
            className="h-full overflow-x-auto overflow-y-hidden"
            tabIndex={0}
            role="region"
            aria-label="Lineage graph"
          >
            <svg data-chart="" width={width} height={height} role="group" aria-label={summary}>
              {lineage.edges.map((edge) => {
                const from = place.get(edge.from)
                const to = place.get(edge.to)
                if (!from || !to) return null
                return (
                  <path
                    key={`${edge.from}${edge.to}${edge.label}`}
                    d={edgePath(from, to, layout)}
                    fill="none"
                    stroke="var(--color-strong)"
                    strokeWidth="1.5"
                  >
                    <title>{edge.label}</title>
                  </path>
                )
              })}
              {placed.map((node) => {
                const family = familyOf(node.noun)
                const href = hrefOf(project, family, node.id, node.name)
                const box = (
                  <g transform={`translate(${node.x},${node.y})`}>
                    <title>{`${node.noun}: ${node.name}${node.detail ? `, ${node.detail}` : ''}`}</title>
                    <rect
                      width={nodeWidth}
                      height={nodeHeight}
                      rx="7"
                      fill="var(--color-surface)"
                      stroke={node.id === here ? 'var(--color-accent)' : 'var(--color-strong)'}
                      strokeWidth={node.id === here ? 2 : 1}
                    />
                    <rect x="0" y="8" width="3" height={nodeHeight - 16} rx="1.5" fill={colours[family] ?? 'var(--color-s6)'} />
                    <text x="12" y="16" fontSize="10.5" fill="var(--color-faint)" dominantBaseline="central">
                      {node.noun.replaceAll('_', ' ')}
                      {node.detail &&
                        ` · ${clip(node.detail, Math.max(4, Math.floor((nodeWidth - 24) / 5.4) - node.noun.length - 3))}`}
                    </text>
                    <text x="12" y="35" fontSize="13" fontWeight="500" fill="var(--color-ink)" dominantBaseline="central">
                      {clip(node.name, Math.floor((nodeWidth - 20) / 6.9))}
                    </text>
                  </g>
                )
                if (!href) return <g key={node.id}>{box}</g>
                return (
                  <a
                    key={node.id}
                    href={href}
                    onClick={(event) => {
                      if (event.metaKey || event.ctrlKey) return
                      event.preventDefault()
                      router.history.push(href)
                    }}
                  >
                    {box}
                  </a>
                )
              })}
            </svg>
          </div>
        )}
      </ChartFrame>
    </div>
  )
}

/** How wide the graph may be before it must be scrolled. */
function useRoom() {
  const box = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(Number.POSITIVE_INFINITY)
  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const measure = () => setRoom(element.clientWidth)
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [box, room] as const
}

/** Brings the thing that the page is about into view. */
function showHere(element: HTMLElement | null, node: { x: number } | undefined, nodeWidth: number): void {
  if (element && node) element.scrollLeft = Math.max(0, node.x + nodeWidth / 2 - element.clientWidth / 2)
}

const clip = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

/** Versions have no page of their own: they open within their data set or model, which the name says ("churn v3"). */
function hrefOf(project: string, family: string, id: string, name: string): string | null {
  if (id.startsWith('more-')) return null
  if (family === 'dataset' && id.startsWith('dsv_')) return versionPath(project, 'datasets', name, id)
  if (family === 'model' && id.startsWith('mdv_')) return versionPath(project, 'models', name, id)
  if (['dataset', 'goal', 'recipe', 'model', 'endpoint', 'monitor', 'run', 'job'].includes(family))
    return pathOf(project, family, id)
  return null
}

function versionPath(project: string, folder: string, name: string, id: string): string {
  const owner = name.replace(/\s*(?::|v|version )\s*\d+$/, '')
  return `/p/${encodeURIComponent(project)}/${folder}/${encodeURIComponent(owner)}?version=${id}`
}
