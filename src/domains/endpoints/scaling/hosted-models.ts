import { invalidInput, isPlatformError, PlatformError } from '../../../kernel/errors.ts'
import type { Serving } from '../serving.ts'
import type { HostedRow } from './store.ts'

export const modelHeader = 'x-atoll-model'

interface Hosted {
  row: HostedRow
  serving: Serving | null
  loading: Promise<Serving> | null
  askedAt: number
  requests: number
  errors: number
  lastMs: number | null
  message: string | null
}

/** Many models behind one endpoint, each loaded when it is asked; of those that are loaded, who was not asked for longest leaves. */
export class HostedModels {
  private models = new Map<string, Hosted>()
  private maxLoaded = 16
  private readonly endpointName: string
  private readonly load: (row: HostedRow) => Promise<Serving>

  constructor(endpointName: string, load: (row: HostedRow) => Promise<Serving>) {
    this.endpointName = endpointName
    this.load = load
  }

  /** The models as they should be; those whose version stays stay loaded. */
  set(rows: readonly HostedRow[], maxLoaded: number): void {
    const before = this.models
    this.maxLoaded = maxLoaded
    this.models = new Map(
      rows.map((row) => {
        const known = before.get(row.name)
        const stays = known && known.row.version_id === row.version_id
        return [row.name, stays ? { ...known, row } : blank(row)]
      }),
    )
    for (const [name, old] of before) if (this.models.get(name)?.serving !== old.serving) void old.serving?.release()
    this.letGo(null)
  }

  /** The model of that name, loaded where it is not yet. A request is counted once, however often its model is looked at. */
  async serving(name: string, { isRequest = true } = {}): Promise<Serving> {
    const model = this.models.get(name)
    if (!model)
      throw invalidInput(
        `The endpoint "${this.endpointName}" holds no model "${name.slice(0, 40)}". It holds: ${[...this.models.keys()].slice(0, 20).join(', ')}.`,
        { field: modelHeader },
      )
    model.askedAt = Date.now()
    if (isRequest) model.requests++
    if (model.serving) return model.serving
    model.loading ??= this.loadOne(model).finally(() => {
      model.loading = null
    })
    return model.loading
  }

  private async loadOne(model: Hosted): Promise<Serving> {
    const began = performance.now()
    try {
      const serving = await this.load(model.row)
      // Taken away while it was loaded.
      if (this.models.get(model.row.name)?.row.version_id !== model.row.version_id) {
        void serving.release()
        throw new PlatformError('unavailable', `The model "${model.row.name}" was exchanged meanwhile. Try again.`)
      }
      model.serving = serving
      model.lastMs = performance.now() - began
      model.message = null
      this.letGo(model)
      return serving
    } catch (error) {
      model.errors++
      model.message = isPlatformError(error) ? error.message : 'The model could not be loaded; the log of the server says why.'
      throw error
    }
  }

  private letGo(keep: Hosted | null): void {
    const loaded = [...this.models.values()].filter((one) => one.serving !== null)
    const old = loaded.filter((one) => one !== keep).sort((a, b) => a.askedAt - b.askedAt)
    for (const one of old.slice(0, Math.max(0, loaded.length - this.maxLoaded))) {
      void one.serving!.release()
      one.serving = null
    }
  }

  failed(name: string): void {
    const model = this.models.get(name)
    if (model) model.errors++
  }

  read() {
    return [...this.models.values()].map(({ row, serving, requests, errors, lastMs, message }) => ({
      name: row.name,
      model: row.model_id,
      modelName: row.model_name,
      version: row.version_id,
      versionNumber: row.version_number,
      loaded: serving !== null,
      requests,
      errors,
      lastMs,
      message,
    }))
  }

  get memoryBytes(): number {
    return [...this.models.values()].reduce((sum, { serving }) => sum + memoryOf(serving), 0)
  }

  async close(): Promise<void> {
    const loaded = [...this.models.values()].map(({ serving }) => serving)
    this.models = new Map()
    await Promise.all(loaded.map((serving) => serving?.release()))
  }

  /** Lets all go; they come back when they are asked. */
  async sleep(): Promise<void> {
    const loaded = [...this.models.values()]
    await Promise.all(
      loaded.map(async (model) => {
        const { serving } = model
        model.serving = null
        await serving?.release()
      }),
    )
  }
}

export const memoryOf = (serving: Serving | null): number =>
  serving === null ? 0 : serving.answers === 'rows' ? serving.model.memoryBytes : serving.language.memoryBytes

const blank = (row: HostedRow): Hosted => ({
  row,
  serving: null,
  loading: null,
  askedAt: 0,
  requests: 0,
  errors: 0,
  lastMs: null,
  message: null,
})
