import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { AbQuery, AbTest, ListQuery, Loop, LoopInput, LoopPatch, LoopRules, LoopRun, Page } from '../types.ts'

/** Loops: from what an endpoint sees to a better model behind it. */
export const loops = (http: Http) => {
  const at = (loop: string) => `/v1/loops/${segment(loop)}`
  const runAt = (loop: string, run: string | number) => `${at(loop)}/runs/${segment(String(run))}`
  return {
    create: (input: LoopInput, options: CreateOptions = {}) =>
      http.json<Loop>('POST', '/v1/loops', withOptions(options, { body: input })),
    list: (query: ListQuery & { endpoint?: string } = {}) => http.json<Page<Loop>>('GET', '/v1/loops', { query }),
    get: (loop: string, options: ProjectOptions = {}) => http.json<Loop>('GET', at(loop), withOptions(options)),
    /** Each part of the policy that is given replaces that part whole. */
    update: (loop: string, patch: LoopPatch, options: ProjectOptions = {}) =>
      http.json<Loop>('PATCH', at(loop), withOptions(options, { body: patch })),
    delete: (loop: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(loop), withOptions(options)),
    run: (loop: string, reason = '', options: ProjectOptions & CreateOptions = {}) =>
      http.json<LoopRun>('POST', `${at(loop)}/run`, withOptions(options, { body: { reason } })),
    runs: (loop: string, query: ListQuery = {}) => http.json<Page<LoopRun>>('GET', `${at(loop)}/runs`, { query }),
    /** By id or number. */
    readRun: (loop: string, run: string | number, options: ProjectOptions = {}) =>
      http.json<LoopRun>('GET', runAt(loop, run), withOptions(options)),
    approve: (loop: string, run: string | number, note = '', options: ProjectOptions = {}) =>
      http.json<LoopRun>('POST', `${runAt(loop, run)}/approve`, withOptions(options, { body: { note } })),
    reject: (loop: string, run: string | number, reason: string, options: ProjectOptions = {}) =>
      http.json<LoopRun>('POST', `${runAt(loop, run)}/reject`, withOptions(options, { body: { reason } })),
    cancel: (loop: string, run: string | number, reason = '', options: ProjectOptions = {}) =>
      http.json<LoopRun>('POST', `${runAt(loop, run)}/cancel`, withOptions(options, { body: { reason } })),
    /** What a project asks of all its loops. */
    rules: (options: ProjectOptions = {}) => http.json<LoopRules>('GET', '/v1/loop-rules', withOptions(options)),
    setRules: (rules: LoopRules, options: ProjectOptions = {}) =>
      http.json<LoopRules>('PUT', '/v1/loop-rules', withOptions(options, { body: rules })),
  }
}

/** Variants against each other by what turned out to be true. */
export const ab = (http: Http) => ({
  read: (endpoint: string, query: AbQuery & { project?: string } = {}) =>
    http.json<AbTest>('GET', `/v1/endpoints/${segment(endpoint)}/ab`, { query }),
})
