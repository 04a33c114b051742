import type { Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { EndpointUsage, HostedModels, HostedModelsInput, ScalingFigures, ScalingPolicy } from '../types.ts'

/** The room of an endpoint. */
export const endpointScaling = (http: Http) => {
  const at = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}`
  return {
    scaling: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<ScalingFigures>('GET', `${at(endpoint)}/scaling`, withOptions(options)),
    /** The whole policy; what is left out is the usual. */
    setScaling: (endpoint: string, policy: ScalingPolicy, options: ProjectOptions = {}) =>
      http.json<ScalingFigures>('PUT', `${at(endpoint)}/scaling`, withOptions(options, { body: policy })),
    usage: (endpoint: string, query: { days?: number; project?: string } = {}) =>
      http.json<EndpointUsage>('GET', `${at(endpoint)}/usage`, { query }),
    /** Models that share the endpoint; a request names one in the header `x-atoll-model`. */
    hostedModels: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<HostedModels>('GET', `${at(endpoint)}/models`, withOptions(options)),
    setHostedModels: (endpoint: string, input: HostedModelsInput, options: ProjectOptions = {}) =>
      http.json<HostedModels>('PUT', `${at(endpoint)}/models`, withOptions(options, { body: input })),
  }
}
