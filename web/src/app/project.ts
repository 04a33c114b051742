import { queryOptions, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { refusal, useUser } from '../session/session.ts'

export const projectQuery = (project: string) =>
  queryOptions({ queryKey: ['projects', project], queryFn: () => atoll.projects.get(project), staleTime: 60_000 })

/** The project of the address: its name or id as written there. */
export function useProjectRef(): string {
  return useParams({ strict: false }).project ?? 'default'
}

export function useProject() {
  return useQuery(projectQuery(useProjectRef())).data
}

/** Why the person may not change things in this project; null when they may. */
export function useRefusal(role: 'editor' | 'admin' = 'editor'): string | null {
  return refusal(useUser(), useProject(), role)
}
