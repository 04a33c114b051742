import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { BatchTransform, BatchTransformInput, BatchTransformPreview, ListQuery, Page } from '../types.ts'

/** A model over every row of a data set or a file, as a job. */
export const transforms = (http: Http) => {
  const at = (ref: string) => `/v1/transforms/${segment(ref)}`
  return {
    /**
     * Starts one; `jobs.wait(transform.job)` waits for it.
     *
     *     const made = await atoll.transforms.create({ model: 'churn', input: { dataset: 'customers' } })
     *     await atoll.jobs.wait(made.job)
     *     const file = await atoll.transforms.result(made.id)
     */
    create: (input: BatchTransformInput, options: CreateOptions = {}) =>
      http.json<BatchTransform>('POST', '/v1/transforms', withOptions(options, { body: input })),
    list: (query: ListQuery & { endpoint?: string; model?: string } = {}) =>
      http.json<Page<BatchTransform>>('GET', '/v1/transforms', { query }),
    get: (ref: string, options: ProjectOptions = {}) => http.json<BatchTransform>('GET', at(ref), withOptions(options)),
    cancel: (ref: string, options: ProjectOptions = {}) =>
      http.json<BatchTransform>('POST', `${at(ref)}/cancel`, withOptions(options)),
    /** The file of predictions, as it comes. */
    result: (ref: string, options: ProjectOptions = {}) => http.raw('GET', `${at(ref)}/result`, withOptions(options)),
    /** The address of the file, for a link of a page. */
    resultUrl: (ref: string) => http.url(`${at(ref)}/result`),
    rows: (ref: string, { offset, limit, ...options }: ProjectOptions & { offset?: number; limit?: number } = {}) => {
      const { query, ...rest } = withOptions(options)
      return http.json<BatchTransformPreview>('GET', `${at(ref)}/rows`, { ...rest, query: { ...query, offset, limit } })
    },
    delete: (ref: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(ref), withOptions(options)),
  }
}
