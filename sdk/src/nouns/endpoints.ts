import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { AtollError, segment, withOptions } from '../http.ts'
import type {
  Alert,
  AlertDetails,
  AlertPatch,
  Capture,
  DriftReport,
  Endpoint,
  EndpointExplanations,
  EndpointInput,
  EndpointMetrics,
  EndpointPatch,
  ExplainOptions,
  GenerateInput,
  GenerateSettings,
  Gradients,
  GradientsInput,
  ListQuery,
  Monitor,
  MonitorInput,
  MonitorPatch,
  MonitorRunInput,
  Page,
  PredictOutput,
  UncertaintyWish,
  Written,
} from '../types.ts'
import { endpointContract } from './endpoint-contract.ts'
import { endpointScaling } from './endpoint-scaling.ts'
import { endpointTraffic } from './endpoint-traffic.ts'

export interface PredictFileOptions extends ProjectOptions {
  /** The column that the file is of, where the model reads several. */
  column?: string
  /** The row's other columns. */
  row?: Record<string, unknown>
  /** The file's media type; that of the blob unless told. */
  type?: string
}

export interface PredictOptions extends ProjectOptions, CreateOptions {
  uncertainty?: UncertaintyWish
  /** Language models only. */
  generation?: GenerateSettings
  /** Why, by contributions of the columns. */
  explain?: boolean | ExplainOptions
  /** So many training rows nearest to each row. */
  nearest?: number
}

export const endpoints = (http: Http) => {
  const at = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}`
  return {
    ...endpointContract(http),
    ...endpointScaling(http),
    ...endpointTraffic(http),
    create: (input: EndpointInput, options: CreateOptions = {}) =>
      http.json<Endpoint>('POST', '/v1/endpoints', withOptions(options, { body: input })),
    list: (query: ListQuery & { q?: string; model?: string } = {}) =>
      http.json<Page<Endpoint>>('GET', '/v1/endpoints', { query }),
    get: (endpoint: string, options: ProjectOptions = {}) => http.json<Endpoint>('GET', at(endpoint), withOptions(options)),
    update: (endpoint: string, patch: EndpointPatch, options: ProjectOptions = {}) =>
      http.json<Endpoint>('PATCH', at(endpoint), withOptions(options, { body: patch })),
    delete: (endpoint: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(endpoint), withOptions(options)),
    rollback: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<Endpoint>('POST', `${at(endpoint)}/rollback`, withOptions(options)),
    /** With `uncertainty` (`{ coverage: 0.9 }`) each prediction carries a set of classes or an interval that holds the truth that often. */
    predict: (
      endpoint: string,
      rows: Record<string, unknown>[],
      { uncertainty, generation, explain, nearest, ...options }: PredictOptions = {},
    ) =>
      http.json<PredictOutput>(
        'POST',
        `${at(endpoint)}/predict`,
        withOptions(options, { body: { rows, uncertainty, generation, explain, nearest } }),
      ),
    /**
     * One item as a file: an image, a sound, a text. What else the row holds goes beside it, and the column's name where the model has several files.
     *
     *     const { predictions } = await atoll.endpoints.predictFile('cats', await openAsBlob('tom.jpg'))
     */
    predictFile: (endpoint: string, file: Blob | Uint8Array<ArrayBuffer> | ArrayBuffer, options: PredictFileOptions = {}) => {
      const { column, row, type, ...others } = options
      const blob = file instanceof Blob && (type === undefined || type === file.type) ? file : new Blob([file], { type })
      const path = `${at(endpoint)}/predict`
      if (column === undefined && row === undefined)
        return http.json<PredictOutput>(
          'POST',
          path,
          withOptions(others, { bytes: blob, headers: { 'content-type': blob.type || 'application/octet-stream' } }),
        )
      const form = new FormData()
      for (const [name, value] of Object.entries(row ?? {}))
        if (value !== null && value !== undefined) form.append(name, String(value))
      form.append(column ?? 'file', blob)
      return http.json<PredictOutput>('POST', path, withOptions(others, { form }))
    },
    /**
     * What a language model writes, as it writes it; the whole answer is what the generator returns. To stop it, abort the signal or leave the loop.
     *
     *     const answer = await atoll.endpoints.generate('writer', { prompt: 'Once upon a time' })
     *     for await (const text of answer) process.stdout.write(text)
     */
    generate: async (
      endpoint: string,
      input: GenerateInput,
      options: ProjectOptions = {},
    ): Promise<AsyncGenerator<string, Written | null>> => {
      const events = await http.answerEvents<Written & { code: string; message: string; facts: Record<string, unknown> }>(
        'POST',
        `${at(endpoint)}/generate`,
        withOptions(options, { body: input }),
      )
      return (async function* () {
        for await (const { event, data } of events) {
          if (event === 'text') yield data.text
          else if (event === 'done') return data
          else if (event === 'error') throw new AtollError(0, data.code, data.message, data.facts)
        }
        return null
      })()
    },
    /** Why the endpoint answers as it does: contributions of the columns to each row's answer. */
    explain: (endpoint: string, rows: Record<string, unknown>[], how: ExplainOptions = {}, options: ProjectOptions = {}) =>
      http.json<EndpointExplanations>('POST', `${at(endpoint)}/explain`, withOptions(options, { body: { ...how, rows } })),
    /** What the served network answers for, by its gradients: columns, words or pixels. */
    gradients: (endpoint: string, input: GradientsInput, options: ProjectOptions = {}) =>
      http.json<Gradients & { endpoint: string }>('POST', `${at(endpoint)}/gradients`, withOptions(options, { body: input })),
    metrics: (endpoint: string, query: { minutes?: number; project?: string } = {}) =>
      http.json<EndpointMetrics>('GET', `${at(endpoint)}/metrics`, { query }),
    captures: (endpoint: string, query: ListQuery = {}) => http.json<Page<Capture>>('GET', `${at(endpoint)}/captures`, { query }),
  }
}

export const monitors = (http: Http) => {
  const at = (monitor: string) => `/v1/monitors/${segment(monitor)}`
  return {
    create: (input: MonitorInput, options: CreateOptions = {}) =>
      http.json<Monitor>('POST', '/v1/monitors', withOptions(options, { body: input })),
    list: (query: ListQuery & { endpoint?: string } = {}) => http.json<Page<Monitor>>('GET', '/v1/monitors', { query }),
    get: (monitor: string, options: ProjectOptions = {}) => http.json<Monitor>('GET', at(monitor), withOptions(options)),
    update: (monitor: string, patch: MonitorPatch, options: ProjectOptions = {}) =>
      http.json<Monitor>('PATCH', at(monitor), withOptions(options, { body: patch })),
    delete: (monitor: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(monitor), withOptions(options)),
    /** Starts a run; the job's result holds the report's id. */
    run: (monitor: string, input: MonitorRunInput = {}, options: ProjectOptions & CreateOptions = {}) =>
      http.json<{ job: string }>('POST', `${at(monitor)}/run`, withOptions(options, { body: input })),
    /** A new secret that the webhook is signed with from now on; it is told this once. */
    newSecret: (monitor: string, options: ProjectOptions = {}) =>
      http.json<{ secret: string }>('POST', `${at(monitor)}/webhook-secret`, withOptions(options)),
    reports: (monitor: string, query: ListQuery = {}) => http.json<Page<DriftReport>>('GET', `${at(monitor)}/reports`, { query }),
    report: (report: string) => http.json<DriftReport>('GET', `/v1/reports/${segment(report)}`),
  }
}

export const alerts = (http: Http) => ({
  list: (query: ListQuery & { state?: Alert['state']; monitor?: string } = {}) =>
    http.json<Page<Alert>>('GET', '/v1/alerts', { query }),
  get: (alert: string) => http.json<AlertDetails>('GET', `/v1/alerts/${segment(alert)}`),
  /** `{ state: 'snoozed', until }` keeps it silent until then, unless it gets worse. */
  update: (alert: string, patch: AlertPatch) => http.json<Alert>('PATCH', `/v1/alerts/${segment(alert)}`, { body: patch }),
})
