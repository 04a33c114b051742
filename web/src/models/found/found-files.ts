import type { Model, ModelVersion, VersionDetails } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'

/** explain.json of a model without a target (docs/unsupervised.md); what a task does not have is absent. */
export interface FoundFile {
  task: string
  metric: string
  facts: Record<string, unknown>
  choice?: ChoiceCurve[]
  groups?: Group[]
  dendrogram?: Merge[] | null
  scores?: { edges: number[]; counts: number[] }
  threshold?: number
  strangest?: StrangeRow[]
  loadings?: { feature: string; loading: number }[][]
  topics?: Topic[]
  words?: WordCompany[]
}
/** A word and those nearest to it, the most frequent word first. */
export interface WordCompany {
  word: string
  times: number
  near: { word: string; similarity: number }[]
}
export interface ChoiceCurve {
  algorithm: string
  chosen: number | null
  elbow?: number | null
  gap?: { chosen: number | null; points: { groups: number; gap: number; error: number }[] }
  points: {
    groups: number
    params: Record<string, unknown>
    metrics: Record<string, { mean: number; std: number }>
    facts: Record<string, number>
  }[]
}
export interface Group {
  cluster: number
  isNoise: boolean
  rows: number
  share: number
  differs: { column: string; type: string; value: string | null; here: number; overall: number; effect: number }[]
  labels: LabelCount[] | null
}
export interface LabelCount {
  label: string
  rows: number
}
export interface Merge {
  height: number
  left: { merge: number | null; rows: number }
  right: { merge: number | null; rows: number }
  rows: number
}
export interface StrangeRow {
  row: number
  score: number
  why: { column: string; value: unknown; usual: unknown; drop: number }[]
  values: Record<string, unknown>
}
export interface Topic {
  topic: number
  words: { word: string; weight: number }[]
  share: number
  rows: number
  coherence: number
  examples: { row: number; share: number; text: string }[]
  labels: LabelCount[] | null
}
/** map.json: places of rows, and what they hold. */
export interface MapFile {
  rows: number
  ids: number[]
  layouts: Record<string, [number, number][]>
  columns: { name: string; type: string }[]
  values: unknown[][]
  colours: Record<string, (number | string)[]>
}

export const foundOf = (details: VersionDetails): FoundFile | null => details.explain as unknown as FoundFile | null

/** The map of a version's rows; it is large, so only a page that shows it asks for it. */
export function useMapFile(model: Model, version: ModelVersion) {
  return useQuery({
    queryKey: ['model', model.id, 'map', version.number],
    enabled: version.manifest.files.some(({ path }) => path === 'map.json'),
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<MapFile> => {
      const answer = await fetch(`/v1/models/${model.id}/versions/${version.number}/files/map.json`)
      if (!answer.ok) throw new Error('The map of this version could not be read.')
      return (await answer.json()) as MapFile
    },
  })
}

const titles: Record<string, string> = {
  clustering: 'Groups',
  anomaly: 'Anomalies',
  projection: 'Map',
  topics: 'Topics',
  embedding: 'Words',
}

/** What the tab of a task without a target is called; null for other tasks. */
export const foundTitle = (task: string): string | null => titles[task] ?? null

/** What such a model does, to follow its algorithm. */
export const foundWords: Record<string, string> = {
  clustering: 'finds groups of rows',
  anomaly: 'finds rows unlike the others',
  projection: 'draws a map of the rows',
  topics: 'finds what texts are about',
  generation: 'writes text',
  embedding: 'learns words as vectors',
}
