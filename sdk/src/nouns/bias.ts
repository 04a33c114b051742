import type { Http, ProjectOptions } from '../http.ts'
import { withOptions } from '../http.ts'
import type { BiasReport, DataBiasInput, ModelBiasInput } from '../types.ts'

/** How groups of people fare: in the labels before training, in the predictions after it. */
export const bias = (http: Http) => ({
  data: (input: DataBiasInput, options: ProjectOptions = {}) =>
    http.json<BiasReport>('POST', '/v1/bias/data', withOptions(options, { body: input })),
  model: (input: ModelBiasInput, options: ProjectOptions = {}) =>
    http.json<BiasReport>('POST', '/v1/bias/models', withOptions(options, { body: input })),
})
