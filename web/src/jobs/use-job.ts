import type { Job, JobEvent } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { atoll, queryClient } from '../api.ts'

export const isActive = (job: Pick<Job, 'state'>): boolean => job.state === 'queued' || job.state === 'running'

/** A job, read again while it is active. */
export function useJob(id: string | null) {
  return useQuery({
    queryKey: ['job', id],
    queryFn: () => atoll.jobs.get(id!),
    enabled: id !== null,
    refetchInterval: (query) => (query.state.data && isActive(query.state.data) ? 1000 : false),
  })
}

/** The events of a job, from the first on, live until it ends. They come in bundles of a tenth of a second. */
export function useJobEvents(id: string | null): { events: JobEvent[]; error: Error | null } {
  const [state, setState] = useState<{ events: JobEvent[]; error: Error | null }>({ events: [], error: null })
  const waiting = useRef<JobEvent[]>([])
  useEffect(() => {
    setState({ events: [], error: null })
    waiting.current = []
    if (id === null) return
    const abort = new AbortController()
    let timer = 0
    const flush = () => {
      timer = 0
      const more = waiting.current
      waiting.current = []
      setState((old) => ({
        ...old,
        events: old.events.length + more.length > 60_000 ? [...old.events.slice(-40_000), ...more] : [...old.events, ...more],
      }))
    }
    void (async () => {
      try {
        for await (const event of atoll.jobs.follow(id, { after: 0, signal: abort.signal })) {
          waiting.current.push(event)
          timer ||= window.setTimeout(flush, 100)
        }
        if (!abort.signal.aborted) void queryClient.invalidateQueries({ queryKey: ['job', id] })
      } catch (error) {
        if (!abort.signal.aborted) setState((old) => ({ ...old, error: error as Error }))
      }
    })()
    return () => {
      abort.abort()
      window.clearTimeout(timer)
    }
  }, [id])
  return state
}
