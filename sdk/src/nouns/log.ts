import type { Http } from '../http.ts'
import { segment } from '../http.ts'
import type { LogExportQuery, LogPage, LogQuery } from '../types.ts'

export const log = (http: Http) => {
  const at = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}/log`
  return {
    /**
     * Captured predictions, newest first, with what turned out.
     *
     *     const { items } = await atoll.log.search('churn', { label: 'yes', truth: 'wrong', above: 0.9 })
     */
    search: (endpoint: string, query: LogQuery = {}) => http.json<LogPage>('GET', at(endpoint), { query }),
    /** All that meets a filter, as a CSV or Parquet file. */
    export: (endpoint: string, query: LogExportQuery = {}) => http.raw('GET', `${at(endpoint)}/export`, { query }),
  }
}
