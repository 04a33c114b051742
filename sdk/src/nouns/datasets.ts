import type { CallOptions, CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type { Sendable } from '../pack.ts'
import type {
  Dataset,
  DatasetCreated,
  DatasetInput,
  DatasetPatch,
  DatasetVersion,
  Detection,
  DictionaryPatch,
  ExportQuery,
  ItemsPage,
  ItemsQuery,
  Lineage,
  ListQuery,
  Page,
  Profile,
  ReadOptions,
  Rows,
  RowsQuery,
  Source,
  Split,
  SplitInput,
  Transform,
  Upload,
  VersionInput,
} from '../types.ts'

const chunkBytes = 8 * 1024 * 1024

export const uploads = (http: Http) => {
  const get = (upload: string) => http.json<Upload>('GET', `/v1/uploads/${segment(upload)}`)

  /** Sends a file in parts. After a broken connection it asks how far the server got and goes on from there. */
  async function send(
    file: Sendable,
    options: {
      filename?: string
      resume?: string
      onProgress?: (sent: number, of: number, upload: string) => void
      signal?: AbortSignal
    } = {},
  ): Promise<Upload> {
    let upload = options.resume
      ? await get(options.resume)
      : await http.json<Upload>('POST', '/v1/uploads', {
          body: { filename: options.filename ?? file.name ?? 'data', sizeBytes: file.size },
        })
    let failures = 0
    options.onProgress?.(upload.receivedBytes, file.size, upload.id)
    while (upload.state !== 'complete') {
      const offset = upload.receivedBytes
      try {
        upload = await http.json<Upload>('PUT', `/v1/uploads/${segment(upload.id)}`, {
          query: { offset },
          bytes: await file.slice(offset, Math.min(file.size, offset + chunkBytes)),
          signal: options.signal,
        })
        failures = 0
        options.onProgress?.(upload.receivedBytes, file.size, upload.id)
      } catch (error) {
        if (options.signal?.aborted || ++failures > 5 || (error as { status?: number }).status === 507) throw error
        await new Promise((resolve) => setTimeout(resolve, 300 * 2 ** failures))
        upload = await get(upload.id)
      }
    }
    return upload
  }

  return {
    /** Announces a file; its bytes go to `write`. `send` does both. */
    create: (input: { filename: string; sizeBytes: number; sha256?: string }, options: CreateOptions = {}) =>
      http.json<Upload>('POST', '/v1/uploads', withOptions(options, { body: input })),
    get,
    write: (upload: string, offset: number, bytes: BodyInit, options: CallOptions = {}) =>
      http.json<Upload>('PUT', `/v1/uploads/${segment(upload)}`, { ...options, query: { offset }, bytes }),
    send,
    delete: (upload: string) => http.json<void>('DELETE', `/v1/uploads/${segment(upload)}`),
  }
}

export const datasets = (http: Http) => {
  const at = (dataset: string) => `/v1/datasets/${segment(dataset)}`
  return {
    detect: (
      input: { source: Source; options?: Partial<ReadOptions>; columns?: DatasetInput['columns'] },
      options: CallOptions = {},
    ) => http.json<Detection>('POST', '/v1/datasets/detect', { ...options, body: input }),
    create: (input: DatasetInput, options: CreateOptions = {}) =>
      http.json<DatasetCreated>('POST', '/v1/datasets', withOptions(options, { body: input })),
    list: (query: ListQuery & { q?: string; bin?: boolean } = {}) => http.json<Page<Dataset>>('GET', '/v1/datasets', { query }),
    get: (dataset: string, options: ProjectOptions = {}) => http.json<Dataset>('GET', at(dataset), withOptions(options)),
    update: (dataset: string, patch: DatasetPatch, options: ProjectOptions = {}) =>
      http.json<Dataset>('PATCH', at(dataset), withOptions(options, { body: patch })),
    /** Into the bin, for 30 days. */
    delete: (dataset: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(dataset), withOptions(options)),
    restore: (dataset: string, options: ProjectOptions = {}) =>
      http.json<Dataset>('POST', `${at(dataset)}/restore`, withOptions(options)),
    versions: (dataset: string, options: ProjectOptions = {}) =>
      http.json<Page<DatasetVersion>>('GET', `${at(dataset)}/versions`, withOptions(options)),
    addVersion: (dataset: string, input: VersionInput, options: ProjectOptions & CreateOptions = {}) =>
      http.json<DatasetCreated>('POST', `${at(dataset)}/versions`, withOptions(options, { body: input })),
    rows: (dataset: string, query: RowsQuery & { project?: string } = {}) =>
      http.json<Rows>('GET', `${at(dataset)}/rows`, { query }),
    /** The profile, with relations to `target` when one is named. Made now when it was not before. */
    profile: (dataset: string, query: { version?: string; target?: string; project?: string } = {}) =>
      http.json<Profile>('GET', `${at(dataset)}/profile`, { query }),
    /** Has it made by a job. */
    makeProfile: (dataset: string, query: { version?: string; target?: string | null; project?: string } = {}) =>
      http.json<{ job: string }>('POST', `${at(dataset)}/profile`, { query }),
    describe: (dataset: string, columns: DictionaryPatch['columns'], options: ProjectOptions = {}) =>
      http.json<Dataset>('PATCH', `${at(dataset)}/dictionary`, withOptions(options, { body: { columns } })),
    export: (dataset: string, query: ExportQuery & { project?: string } = {}) =>
      http.raw('GET', `${at(dataset)}/export`, { query }),
    /** The images or recordings of a version, by path. */
    items: (dataset: string, query: ItemsQuery = {}) => http.json<ItemsPage>('GET', `${at(dataset)}/items`, { query }),
    /** The bytes of one of them. */
    item: (dataset: string, path: string, query: { version?: string; project?: string } = {}) =>
      http.raw('GET', `${at(dataset)}/item`, { query: { ...query, path } }),
    /** A small picture of an item, as WebP. */
    thumbnail: (dataset: string, path: string, query: { version?: string; size?: number; project?: string } = {}) =>
      http.raw('GET', `${at(dataset)}/thumbnail`, { query: { ...query, path } }),
    /** Addresses for pages: of an item, and of a small picture of it. */
    itemUrl: (dataset: string, query: { path: string; version?: string }) => http.url(`${at(dataset)}/item`, query),
    thumbnailUrl: (dataset: string, query: { path: string; version?: string; size?: number }) =>
      http.url(`${at(dataset)}/thumbnail`, query),
    transform: (dataset: string, input: Transform, options: ProjectOptions & CreateOptions = {}) =>
      http.json<DatasetCreated>('POST', `${at(dataset)}/transform`, withOptions(options, { body: input })),
  }
}

export const splits = (http: Http) => ({
  create: (input: SplitInput, options: ProjectOptions & CreateOptions = {}) =>
    http.json<Split>('POST', '/v1/splits', withOptions(options, { body: input })),
  list: (query: { project?: string; dataset?: string } = {}) => http.json<Page<Split>>('GET', '/v1/splits', { query }),
  get: (split: string) => http.json<Split>('GET', `/v1/splits/${segment(split)}`),
})

export const lineage = (http: Http) => ({ of: (id: string) => http.json<Lineage>('GET', `/v1/lineage/${segment(id)}`) })
