import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { BiasPolicy, BiasPolicyInput, BiasPolicyOutcome, BiasReport, DataBiasInput, ModelBiasInput } from '../types.ts'

/** How groups of people fare: in the labels before training, in the predictions after it. */
export const bias = (http: Http) => ({
  data: (input: DataBiasInput, options: ProjectOptions = {}) =>
    http.json<BiasReport>('POST', '/v1/bias/data', withOptions(options, { body: input })),
  model: (input: ModelBiasInput, options: ProjectOptions = {}) =>
    http.json<BiasReport>('POST', '/v1/bias/models', withOptions(options, { body: input })),
  /** Reports that were kept with a version (name:version or id), newest first. */
  reports: (model: string, options: ProjectOptions = {}) =>
    http.json<{ items: BiasReport[] }>('GET', '/v1/bias/reports', withOptions(options, { query: { model } })),
  deleteReport: (report: string) => http.json<void>('DELETE', `/v1/bias/reports/${segment(report)}`),
  policies: (options: ProjectOptions = {}) =>
    http.json<{ items: BiasPolicy[] }>('GET', '/v1/bias/policies', withOptions(options)),
  createPolicy: (input: BiasPolicyInput, options: CreateOptions = {}) =>
    http.json<BiasPolicy>('POST', '/v1/bias/policies', withOptions(options, { body: input })),
  deletePolicy: (policy: string) => http.json<void>('DELETE', `/v1/bias/policies/${segment(policy)}`),
  /** How a version stands with the policies that bind it. */
  check: (model: string, options: ProjectOptions = {}) =>
    http.json<{ items: BiasPolicyOutcome[] }>('GET', '/v1/bias/check', withOptions(options, { query: { model } })),
})
