import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { ModelVersion, PipelineChecked, PipelineInput, PipelineOfEndpoint, PipelineSpec } from '../types.ts'

/** Several models, and what is done before, between and after them, as one. */
export const pipelines = (http: Http) => ({
  /** Registers a pipeline as a version of a model, to be deployed like any other. */
  create: (input: PipelineInput, options: CreateOptions = {}) =>
    http.json<ModelVersion>('POST', '/v1/pipelines', withOptions(options, { body: input })),
  /** What a pipeline takes and says, and what it says of some rows; nothing is kept. */
  check: (
    input: { pipeline: PipelineSpec; rows?: Record<string, unknown>[]; project?: string },
    options: { signal?: AbortSignal } = {},
  ) => http.json<PipelineChecked>('POST', '/v1/pipelines/check', { ...options, body: input }),
  /** The pipeline that an endpoint serves, and how long its steps take. */
  ofEndpoint: (endpoint: string, options: ProjectOptions = {}) =>
    http.json<PipelineOfEndpoint>('GET', `/v1/endpoints/${segment(endpoint)}/pipeline`, withOptions(options)),
})
