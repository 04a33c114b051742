import type { Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { TruthItem, TruthStored, TruthSummary } from '../types.ts'

export const truth = (http: Http) => {
  const at = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}/truth`
  return {
    /**
     * What turned out to be true of predictions: by their id, or by the key that the capture policy names.
     *
     *     await atoll.truth.give('churn', [{ id: prediction.id, value: 'yes' }, { key: 'customer 17', value: 'no' }])
     */
    give: (endpoint: string, items: TruthItem[], options: ProjectOptions = {}) =>
      http.json<TruthStored>('POST', at(endpoint), withOptions(options, { body: { items } })),
    /** The same from an uploaded CSV or Parquet file with the columns `id` or `key`, `value`, and `at` if wanted. */
    fromUpload: (endpoint: string, upload: string, options: ProjectOptions = {}) =>
      http.json<TruthStored>('POST', at(endpoint), withOptions(options, { body: { upload } })),
    /** How many predictions have their truth, by day, and how right they were. */
    summary: (endpoint: string, query: { days?: number; project?: string } = {}) =>
      http.json<TruthSummary>('GET', `${at(endpoint)}/summary`, { query }),
  }
}
