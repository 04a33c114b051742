import type { Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { EndpointHealth, EndpointMetadata } from '../types.ts'

/** What an endpoint says of itself. */
export const endpointContract = (http: Http) => {
  const at = (endpoint: string) => `/v1/endpoints/${segment(endpoint)}`
  return {
    /** The OpenAPI 3.1 description of this one endpoint. */
    openapi: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<Record<string, unknown>>('GET', `${at(endpoint)}/openapi.json`, withOptions(options)),
    /** Throws with the status 503 where it does not answer. */
    health: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<EndpointHealth>('GET', `${at(endpoint)}/health`, withOptions(options)),
    /** The endpoint as a folder that answers without this platform, as a tar archive. */
    export: (endpoint: string, options: ProjectOptions = {}) => http.raw('GET', `${at(endpoint)}/export`, withOptions(options)),
    /** The address of that archive, for a page. */
    exportUrl: (endpoint: string, options: ProjectOptions = {}) => http.url(`${at(endpoint)}/export`, options),
    /** What it serves, takes and answers. */
    metadata: (endpoint: string, options: ProjectOptions = {}) =>
      http.json<EndpointMetadata>('GET', `${at(endpoint)}/metadata`, withOptions(options)),
  }
}
