import type { Project, Session, User } from '@atoll/sdk'
import { AtollError } from '@atoll/sdk'
import { queryOptions, useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'

const signedOut: Session = { user: null, defaultProject: null, scopes: null }

/** Who is signed in; nobody is an answer, not an error. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async () => {
    try {
      return await atoll.session.get()
    } catch (error) {
      if (error instanceof AtollError && error.status === 401) return signedOut
      throw error
    }
  },
  staleTime: 60_000,
})

/** The signed-in person. Only for pages behind the sign-in. */
export function useUser(): User {
  const { data } = useQuery(sessionQuery)
  return data?.user ?? { id: '', name: '', email: null, isPlatformAdmin: false, state: 'active', createdAt: '', lastSeenAt: null }
}

const ranks = { viewer: 0, editor: 1, admin: 2 } as const

/** Why the person may not do what takes this role in the project; null when they may. */
export function refusal(user: User, project: Project | undefined, role: 'editor' | 'admin'): string | null {
  if (user.isPlatformAdmin || !project) return null
  if (project.role && ranks[project.role] >= ranks[role]) return null
  return `This takes the role of ${role} in ${project.name}; yours is ${project.role ?? 'none'}.`
}
