import { atoll } from '../api.ts'

/** Where the page of a noun is, below its project. */
export const pathOf = (project: string, noun: string, ref: string): string => {
  const at = `/p/${encodeURIComponent(project)}`
  const id = encodeURIComponent(ref)
  if (noun === 'run') return `${at}/training/runs/${id}`
  if (noun === 'job') return `${at}/jobs/${id}`
  if (noun === 'experiment') return `${at}/training?q=${id}`
  if (noun === 'weights') return `${at}/weights`
  if (noun === 'project') return `/p/${id}`
  const folder = folders[noun]
  return folder ? `${at}/${folder}/${id}` : at
}

const folders: Record<string, string> = {
  dataset: 'datasets',
  goal: 'goals',
  recipe: 'recipes',
  model: 'models',
  endpoint: 'endpoints',
  transform: 'transforms',
  monitor: 'monitors',
  loop: 'loops',
}

/** Whether `findPlace` knows where this id leads. */
export const hasPlace = (id: string | null | undefined): boolean =>
  /^(ds|goal|rcp|mdl|end|trf|mon|loop|job|run|prj)_/.test(id ?? '')

/** The page of an id, whatever it names. */
export async function findPlace(id: string): Promise<string> {
  const prefix = id.split('_')[0]
  const found = async (noun: string, read: Promise<{ id: string; project: string }>) => {
    const resource = await read
    return pathOf(resource.project, noun, resource.id)
  }
  if (prefix === 'ds') return found('dataset', atoll.datasets.get(id))
  if (prefix === 'goal') return found('goal', atoll.goals.get(id))
  if (prefix === 'rcp') return found('recipe', atoll.recipes.get(id))
  if (prefix === 'mdl') return found('model', atoll.models.get(id))
  if (prefix === 'end') return found('endpoint', atoll.endpoints.get(id))
  if (prefix === 'trf') return found('transform', atoll.transforms.get(id))
  if (prefix === 'mon') return found('monitor', atoll.monitors.get(id))
  if (prefix === 'loop') return found('loop', atoll.loops.get(id))
  if (prefix === 'job') return found('job', atoll.jobs.get(id))
  if (prefix === 'run') return found('run', atoll.runs.get(id))
  if (prefix === 'prj') return pathOf(id, 'project', id)
  return '/'
}
