import type { Http } from '../http.ts'
import { segment } from '../http.ts'
import type {
  Dataset,
  DatasetCreated,
  DatasetInput,
  DatasetVersion,
  Detection,
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
    file: Blob & { name?: string },
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
          bytes: file.slice(offset, offset + chunkBytes),
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

  return { get, send, delete: (upload: string) => http.json<void>('DELETE', `/v1/uploads/${segment(upload)}`) }
}

export const datasets = (http: Http) => {
  const at = (dataset: string) => `/v1/datasets/${segment(dataset)}`
  return {
    detect: (input: { source: Source; options?: Partial<ReadOptions> }) =>
      http.json<Detection>('POST', '/v1/datasets/detect', { body: input }),
    create: (input: DatasetInput) => http.json<DatasetCreated>('POST', '/v1/datasets', { body: input }),
    list: (query: ListQuery & { q?: string } = {}) => http.json<Page<Dataset>>('GET', '/v1/datasets', { query }),
    get: (dataset: string, query: { project?: string } = {}) => http.json<Dataset>('GET', at(dataset), { query }),
    update: (
      dataset: string,
      patch: { name?: string; description?: string; tags?: string[]; visibility?: string; target?: string | null },
    ) => http.json<Dataset>('PATCH', at(dataset), { body: patch }),
    delete: (dataset: string) => http.json<void>('DELETE', at(dataset)),
    restore: (dataset: string) => http.json<Dataset>('POST', `${at(dataset)}/restore`),
    versions: (dataset: string, query: { project?: string } = {}) =>
      http.json<Page<DatasetVersion>>('GET', `${at(dataset)}/versions`, { query }),
    addVersion: (dataset: string, input: VersionInput) =>
      http.json<DatasetCreated>('POST', `${at(dataset)}/versions`, { body: input }),
    rows: (dataset: string, query: RowsQuery & { project?: string } = {}) =>
      http.json<Rows>('GET', `${at(dataset)}/rows`, { query }),
    /** The stored profile; null while none was made. */
    profile: (dataset: string, query: { version?: string; target?: string; project?: string } = {}) =>
      http.json<Profile | null>('GET', `${at(dataset)}/profile`, { query }),
    makeProfile: (dataset: string, input: { version?: string; target?: string | null } = {}) =>
      http.json<{ job: string }>('POST', `${at(dataset)}/profile`, { query: input }),
    describe: (dataset: string, columns: { name: string; description?: string; unit?: string | null }[]) =>
      http.json<DatasetVersion>('PATCH', `${at(dataset)}/dictionary`, { body: { columns } }),
    export: (dataset: string, query: { format: 'csv' | 'parquet'; version?: string }) =>
      http.raw('GET', `${at(dataset)}/export`, { query }),
    transform: (dataset: string, input: Transform) =>
      http.json<DatasetCreated>('POST', `${at(dataset)}/transform`, { body: input }),
  }
}

export const splits = (http: Http) => ({
  create: (input: SplitInput) => http.json<Split>('POST', '/v1/splits', { body: input }),
  list: (query: { project?: string; dataset?: string } = {}) => http.json<Page<Split>>('GET', '/v1/splits', { query }),
  get: (split: string) => http.json<Split>('GET', `/v1/splits/${segment(split)}`),
})

export const lineage = (http: Http) => ({ of: (id: string) => http.json<Lineage>('GET', `/v1/lineage/${segment(id)}`) })
