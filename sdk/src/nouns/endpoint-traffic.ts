import type { Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { Rollout, RolloutInput, ShadowSummary, Traffic, TrafficInput } from '../types.ts'

/** Several versions behind one endpoint. */
export const endpointTraffic = (http: Http) => {
  const at = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}`
  return {
    traffic: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<Traffic>('GET', `${at(endpoint)}/traffic`, withOptions(options)),
    /** All variants besides main as they should be; main gets what they leave. */
    setTraffic: (endpoint: string, input: TrafficInput, options: ProjectOptions = {}) =>
      http.json<Traffic>('PUT', `${at(endpoint)}/traffic`, withOptions(options, { body: input })),
    /** Makes a variant main at once; what main was stays loaded as `previous`. */
    promote: (endpoint: string, input: { variant: string; overrideReason?: string | null }, options: ProjectOptions = {}) =>
      http.json<Traffic>('POST', `${at(endpoint)}/promote`, withOptions(options, { body: input })),
    startRollout: (endpoint: string, input: RolloutInput, options: ProjectOptions = {}) =>
      http.json<Rollout>('POST', `${at(endpoint)}/rollout`, withOptions(options, { body: input })),
    endRollout: (endpoint: string, input: { how: 'complete' | 'roll_back' }, options: ProjectOptions = {}) =>
      http.json<Rollout>('POST', `${at(endpoint)}/rollout/end`, withOptions(options, { body: input })),
    /** How shadows differed from what answered. */
    shadows: (endpoint: string, query: { variant?: string; from?: string; to?: string; project?: string } = {}) =>
      http.json<ShadowSummary>('GET', `${at(endpoint)}/shadows`, { query }),
  }
}
