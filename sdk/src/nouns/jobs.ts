import type { Http } from '../http.ts'
import { AtollError, segment } from '../http.ts'
import type { Job, JobEvent, JobListQuery, JobLog, JobLogQuery, Page } from '../types.ts'

export const jobs = (http: Http) => {
  const get = (job: string) => http.json<Job>('GET', `/v1/jobs/${segment(job)}`)

  /** The job's events as they come, from `after` (a sequence number) on, until it ends. */
  async function* follow(job: string, options: { after?: number; signal?: AbortSignal } = {}): AsyncGenerator<JobEvent> {
    for await (const message of http.events<JobEvent>(`/v1/jobs/${segment(job)}/events`, options)) yield message.data
  }

  /** Waits for the end of a job; throws its failure. */
  async function wait(job: string, options: { onEvent?: (event: JobEvent) => void; signal?: AbortSignal } = {}): Promise<Job> {
    for await (const event of follow(job, { after: 0, signal: options.signal })) options.onEvent?.(event)
    options.signal?.throwIfAborted()
    const ended = await get(job)
    if (ended.state === 'succeeded') return ended
    const failure = ended.failure ?? { code: ended.state, message: `The job was ${ended.state}.`, facts: {} }
    throw new AtollError(0, failure.code, failure.message, { ...failure.facts, job })
  }

  return {
    list: (query: JobListQuery = {}) => http.json<Page<Job>>('GET', '/v1/jobs', { query }),
    get,
    /** What is stored of the events, from `after` on: ask again with `last`; an empty page is the present end. */
    log: (job: string, query: JobLogQuery = {}) => http.json<JobLog>('GET', `/v1/jobs/${segment(job)}/log`, { query }),
    cancel: (job: string) => http.json<Job>('POST', `/v1/jobs/${segment(job)}/cancel`),
    retry: (job: string) => http.json<Job>('POST', `/v1/jobs/${segment(job)}/retry`),
    follow,
    wait,
  }
}
