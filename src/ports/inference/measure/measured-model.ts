import { energyMeter } from '../../executors/energy.ts'
import type { EncoderPackage, LoadedModel } from '../inference.ts'
import { openRemote } from '../remote.ts'
import type { Asked } from './asked-model.ts'

export type MeasureCall = { type: 'open'; model: EncoderPackage } | { type: 'ask'; requests: unknown[][] } | { type: 'memory' }

export interface Opened {
  place: LoadedModel['place']
}

/** A package opened to be timed, as it would be served, in a process of its own. */
export interface MeasuredModel {
  readonly place: LoadedModel['place']
  /** Answers the requests one after another. Watt-hours are null where the processor's counters cannot be read. */
  ask(requests: unknown[][]): Promise<Asked & { energyWh: number | null }>
  /** The most memory that the model has taken; null where that is not known. */
  memoryBytes(): Promise<number | null>
  close(): Promise<void>
}

const script = new URL('./measure-remote.ts', import.meta.url)

export async function openMeasured(model: EncoderPackage): Promise<MeasuredModel> {
  const remote = openRemote<MeasureCall, Asked | Opened | number>(script, {
    place: 'process',
    what: 'The process that the model is measured in',
  })
  try {
    const { place } = (await remote.ask({ type: 'open', model })) as Opened
    return {
      place,
      async ask(requests) {
        const meter = energyMeter()
        const asked = (await remote.ask({ type: 'ask', requests })) as Asked
        return { ...asked, energyWh: meter(asked.cpuSeconds) }
      },
      memoryBytes: async () => (await remote.ask({ type: 'memory' })) as number,
      close: async () => remote.stop(),
    }
  } catch (error) {
    remote.stop()
    throw error
  }
}
