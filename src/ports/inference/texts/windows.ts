/** A piece ends within the last third of what the network hears at once. */
const look = 3

/**
 * Where each piece of a long recording begins and ends: cut at the middle of the quietest frame, the first of equals. The training
 * code cuts at the same samples (atoll_engines/audio/speech/windows.py).
 */
export function windowsOf(
  samples: Float32Array,
  { samples: size, frame }: { samples: number; frame: number },
): [number, number][] {
  const found: [number, number][] = []
  let start = 0
  while (samples.length - start > size) {
    const end = quietest(samples, { begin: start + size - Math.floor(size / look), end: start + size, frame })
    found.push([start, end])
    start = end
  }
  found.push([start, samples.length])
  return found
}

function quietest(samples: Float32Array, { begin, end, frame }: { begin: number; end: number; frame: number }): number {
  let least = Number.POSITIVE_INFINITY
  let place = end
  for (let at = begin; at + frame <= end; at += frame) {
    let energy = 0
    for (let i = at; i < at + frame; i++) energy += samples[i]! * samples[i]!
    if (energy < least) {
      least = energy
      place = at + Math.floor(frame / 2)
    }
  }
  return place
}
