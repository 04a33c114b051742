import type { CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { ListQuery, ModelVersion, Page, Weights, WeightsCreated, WeightsInput } from '../types.ts'

/** Weights that trainings can begin with (`options.weights`). */
export const weights = (http: Http) => {
  const at = (ref: string) => `/v1/weights/${segment(ref)}`
  return {
    /** A job unpacks and checks them: `jobs.wait(created.job)`. */
    create: (input: WeightsInput, options: CreateOptions = {}) =>
      http.json<WeightsCreated>('POST', '/v1/weights', withOptions(options, { body: input })),
    list: (query: ListQuery = {}) => http.json<Page<Weights>>('GET', '/v1/weights', { query }),
    get: (ref: string, options: ProjectOptions = {}) => http.json<Weights>('GET', at(ref), withOptions(options)),
    /** Makes a version of a model of a GGUF file, to serve it as it is. */
    register: (ref: string, input: { model?: string } = {}, options: ProjectOptions & CreateOptions = {}) =>
      http.json<ModelVersion>('POST', `${at(ref)}/register`, withOptions(options, { body: input })),
    delete: (ref: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(ref), withOptions(options)),
  }
}
