import type { CreateOptions, Http } from '../http.ts'
import { withOptions } from '../http.ts'
import type { ExternalInput, ImportCreated, ImportInput, InspectInput, Inspection, ModelVersion } from '../types.ts'

/** Models from elsewhere. */
export const imports = (http: Http) => ({
  /** What an upload is, and what must be said before it can be imported. Nothing of it is run. */
  inspect: (input: InspectInput) => http.json<Inspection>('POST', '/v1/imports/inspect', { body: input }),
  /** A job converts it, compares it with the original and registers a version: `jobs.wait(created.job)`. */
  create: (input: ImportInput, options: CreateOptions = {}) =>
    http.json<ImportCreated>('POST', '/v1/imports', withOptions(options, { body: input })),
  /** A model that answers elsewhere, asked once and registered as a version; an administrator must have allowed its host. */
  external: (input: ExternalInput, options: CreateOptions = {}) =>
    http.json<ModelVersion>('POST', '/v1/imports/external', withOptions(options, { body: input })),
})
