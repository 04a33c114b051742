import type { Http } from '../http.ts'
import { segment } from '../http.ts'
import type {
  Alert,
  Capture,
  DriftReport,
  Endpoint,
  EndpointInput,
  EndpointMetrics,
  EndpointPatch,
  ListQuery,
  Monitor,
  MonitorInput,
  MonitorRunInput,
  Page,
  PredictOutput,
} from '../types.ts'

export const endpoints = (http: Http) => ({
  create: (input: EndpointInput) => http.json<Endpoint>('POST', '/v1/endpoints', { body: input }),
  list: (query: ListQuery = {}) => http.json<Page<Endpoint>>('GET', '/v1/endpoints', { query }),
  get: (endpoint: string, query: { project?: string } = {}) =>
    http.json<Endpoint>('GET', `/v1/endpoints/${segment(endpoint)}`, { query }),
  update: (endpoint: string, patch: EndpointPatch) =>
    http.json<Endpoint>('PATCH', `/v1/endpoints/${segment(endpoint)}`, { body: patch }),
  delete: (endpoint: string) => http.json<void>('DELETE', `/v1/endpoints/${segment(endpoint)}`),
  rollback: (endpoint: string) => http.json<Endpoint>('POST', `/v1/endpoints/${segment(endpoint)}/rollback`),
  predict: (endpoint: string, rows: Record<string, unknown>[], query: { project?: string } = {}) =>
    http.json<PredictOutput>('POST', `/v1/endpoints/${segment(endpoint)}/predict`, { body: { rows }, query }),
  metrics: (endpoint: string, query: { seconds?: number } = {}) =>
    http.json<EndpointMetrics>('GET', `/v1/endpoints/${segment(endpoint)}/metrics`, { query }),
  captures: (endpoint: string, query: ListQuery = {}) =>
    http.json<Page<Capture>>('GET', `/v1/endpoints/${segment(endpoint)}/captures`, { query }),
})

export const monitors = (http: Http) => ({
  create: (input: MonitorInput) => http.json<Monitor>('POST', '/v1/monitors', { body: input }),
  list: (query: ListQuery & { endpoint?: string } = {}) => http.json<Page<Monitor>>('GET', '/v1/monitors', { query }),
  get: (monitor: string, query: { project?: string } = {}) =>
    http.json<Monitor>('GET', `/v1/monitors/${segment(monitor)}`, { query }),
  update: (monitor: string, patch: Partial<MonitorInput>) =>
    http.json<Monitor>('PATCH', `/v1/monitors/${segment(monitor)}`, { body: patch }),
  delete: (monitor: string) => http.json<void>('DELETE', `/v1/monitors/${segment(monitor)}`),
  /** Starts a run; the job's result holds the report's id. */
  run: (monitor: string, input: MonitorRunInput = {}) =>
    http.json<{ job: string }>('POST', `/v1/monitors/${segment(monitor)}/run`, { body: input }),
  reports: (monitor: string, query: ListQuery = {}) =>
    http.json<Page<DriftReport>>('GET', `/v1/monitors/${segment(monitor)}/reports`, { query }),
  report: (report: string) => http.json<DriftReport>('GET', `/v1/reports/${segment(report)}`),
})

export const alerts = (http: Http) => ({
  list: (query: ListQuery & { state?: string; monitor?: string } = {}) => http.json<Page<Alert>>('GET', '/v1/alerts', { query }),
  update: (alert: string, patch: { state: 'open' | 'acknowledged' | 'closed' }) =>
    http.json<Alert>('PATCH', `/v1/alerts/${segment(alert)}`, { body: patch }),
})
