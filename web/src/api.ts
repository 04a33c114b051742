import type { Page } from '@atoll/sdk'
import { AtollError, createAtoll } from '@atoll/sdk'
import { keepPreviousData, MutationCache, QueryCache, QueryClient, useInfiniteQuery } from '@tanstack/react-query'

/** The one client of the page: same origin, session cookie. */
export const atoll = createAtoll({ url: '' })

/** One query cache for the page. A lost session shows itself by asking for the session again. */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (error instanceof AtollError && error.status === 401 && query.queryKey[0] !== 'session') {
        void queryClient.invalidateQueries({ queryKey: ['session'] })
      }
    },
  }),
  // Most of what a person asks for starts a job: the list below the rail shows it at once.
  mutationCache: new MutationCache({ onSuccess: () => void queryClient.invalidateQueries({ queryKey: ['jobs', 'active'] }) }),
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < 2 && !(error instanceof AtollError && error.status < 500),
    },
  },
})

/** Marks everything known of some nouns as out of date. */
export const changed = (...nouns: string[]): void => {
  for (const noun of nouns) void queryClient.invalidateQueries({ queryKey: [noun] })
}

export interface PagedList<T> {
  rows: T[]
  loading: boolean
  error: Error | null
  hasMore: boolean
  loadingMore: boolean
  loadMore: () => void
  retry: () => void
}

/** A cursor-paged list, read a page at a time. `key[0]` is the noun. */
export function usePagedList<T>(
  key: readonly unknown[],
  read: (page: { cursor?: string; limit: number }) => Promise<Page<T>>,
  options: { limit?: number; refetchInterval?: number | false; enabled?: boolean } = {},
): PagedList<T> {
  const query = useInfiniteQuery({
    queryKey: [...key, 'pages'],
    queryFn: ({ pageParam }) => read({ cursor: pageParam ?? undefined, limit: options.limit ?? 50 }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
    refetchInterval: options.refetchInterval ?? false,
    enabled: options.enabled ?? true,
  })
  return {
    rows: query.data?.pages.flatMap((page) => page.items) ?? [],
    loading: query.isPending && (options.enabled ?? true),
    error: query.error,
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    loadMore: () => {
      if (!query.isFetchingNextPage) void query.fetchNextPage()
    },
    retry: () => void query.refetch(),
  }
}

/** What an error says to a person. */
export const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The field a refusal names, if any. */
export const fieldOf = (error: unknown): string | null => {
  if (!(error instanceof AtollError)) return null
  const field = error.facts.field
  return typeof field === 'string' ? field : null
}

/** What a refusal says of one field; a refusal may name several. */
export function complaintOf(error: unknown, field: string): string | null {
  if (!(error instanceof AtollError)) return null
  const issues = error.facts.issues as { field: string; message: string }[] | undefined
  const issue = issues?.find((one) => one.field === field)
  if (issue) return `${issue.message.charAt(0).toUpperCase()}${issue.message.slice(1).replace(/\.?$/, '.')}`
  return fieldOf(error) === field ? sentence(error) : null
}
