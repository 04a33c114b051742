import { defaultMetric } from '../../goals/metrics.ts'
import { lowerIsBetter, type Metric } from '../../goals/schema.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import type { Measured, Rung } from '../schema.ts'

/** The metric that a ladder is about: the goal's, else the one that training optimised, else the task's own. */
export const metricOf = (version: ModelVersion, trained: Metric | null): Metric =>
  version.goalOutcome?.metric ?? (trained && version.test[trained] ? trained : defaultMetric(version.task))

/** A version as a rung; how it compares with the first is for others to say. */
export function rungOf(version: ModelVersion, metric: Metric, first: ModelVersion, measured: Measured | null): Rung {
  const quality = version.test[metric]
  const top = first.test[metric]
  const toward = lowerIsBetter.has(metric) ? -1 : 1
  return {
    version: version.id,
    name: `${version.modelName}:${version.number}`,
    model: version.modelName,
    number: version.number,
    state: version.state,
    algorithm: version.algorithm,
    served: version.parity?.served ?? 'onnx',
    derived: version.derived,
    quality: quality ? { value: quality.value, low: quality.low, high: quality.high } : null,
    difference: null,
    loss: quality && top ? toward * (top.value - quality.value) : null,
    sizeBytes: servedBytes(version),
    inputs: version.signature.inputs.length,
    measured,
    isOnFront: false,
  }
}

/** What has to be loaded to serve: the graph and what prepares its rows, or the native files. */
function servedBytes({ manifest, parity }: ModelVersion): number {
  const needed = /\.(onnx|gguf|safetensors)$|^tokenizer\.json$/
  const files = parity?.served === 'python' ? manifest.sandboxOnly : manifest.files.filter(({ path }) => needed.test(path))
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** Marks the rungs that no other beats in both quality and latency (the Pareto front). */
export function markFront(rungs: Rung[]): void {
  for (const rung of rungs)
    rung.isOnFront =
      rung.measured !== null &&
      rung.loss !== null &&
      !rungs.some(
        (other) =>
          other.measured !== null &&
          other.loss !== null &&
          other.loss <= rung.loss! &&
          other.measured.one.p50Ms <= rung.measured!.one.p50Ms &&
          (other.loss < rung.loss! || other.measured.one.p50Ms < rung.measured!.one.p50Ms),
      )
}
