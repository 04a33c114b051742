/** What travels upward: a lower domain announces, a higher one listens. Listeners never make the announcer fail. */
export interface EventMap {
  'job.changed': { jobId: string; projectId: string; kind: string; state: string }
  'job.event': { jobId: string; seq: number }
  'dataset.version-created': { datasetId: string; versionId: string; projectId: string }
  'model.version-registered': { modelId: string; versionId: string; projectId: string }
  'model.version-changed': { modelId: string; versionId: string; projectId: string; state: string }
  'endpoint.changed': { endpointId: string; projectId: string; state: string }
  'endpoint.rollout': {
    endpointId: string
    projectId: string
    variant: string
    state: 'running' | 'completed' | 'rolled_back'
    reason: string | null
  }
  /** A monitor has looked: what it found, and which of its checks alarm. */
  'monitor.reported': {
    monitorId: string
    endpointId: string
    projectId: string
    reportId: string
    state: string
    kinds: string[]
  }
  'alert.raised': { alertId: string; projectId: string; monitorId: string }
  /** A run of a loop went a step further, waits, or ended. */
  'loop.changed': { loopId: string; runId: string; projectId: string; step: string; state: string }
  'settings.changed': { key: string }
  'credential.revoked': { userId: string }
}

export interface Events {
  emit<K extends keyof EventMap>(name: K, payload: EventMap[K]): void
  on<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => void): () => void
}

export function createEvents(onListenerError: (error: unknown) => void): Events {
  const listeners = new Map<string, Set<(payload: never) => void>>()
  return {
    emit(name, payload) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          listener(payload as never)
        } catch (error) {
          onListenerError(error)
        }
      }
    },
    on(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set)
      set.add(listener as (payload: never) => void)
      return () => set.delete(listener as (payload: never) => void)
    },
  }
}
